import { beforeAll, describe, expect, test } from 'vitest';
import { runIdOf, type ExecutorDetail, type Page, type WorkflowSummary, type WorkflowView } from '@pelorus/protocol';
import { containing, DIAMOND, including, openApi, type ApiUnderTest } from './api-under-test.ts';
import { zipOf, type ZipEntry } from './zip-builder.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await openApi();
  await api.save('samples', 'diamond', DIAMOND);
});

const DEFINITION = {
  nodes: [
    { name: 'get', desc: 'fetches', type: 'SHELL', parameter: { script: 'cat list.txt' }, dep: [], extras: { x: 1 } },
    { name: 'use', type: 'VIRTUAL', dep: ['get'] },
  ],
  userDefParams: [{ prop: 'year', value: '$[yyyy]' }],
};
let count = 0;
const fields = (more: Record<string, string> = {}): Record<string, string> => ({
  projectName: 'samples',
  workflowName: `direct_${(count += 1)}`,
  proxyUser: 'etl',
  queue: 'q1',
  ...more,
});

function direct(form: Record<string, string>, zip: Buffer | null = null, headers: Record<string, string> = {}) {
  const parts: Buffer[] = Object.entries(form).map(([name, value]) =>
    Buffer.from(`--X\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
  );
  if (zip !== null)
    parts.push(
      Buffer.from(
        '--X\r\ncontent-disposition: form-data; name="file"; filename="w.zip"\r\ncontent-type: application/zip\r\n\r\n',
      ),
      zip,
      Buffer.from('\r\n'),
    );
  return api.call<
    { execId: number } & {
      code?: string;
      message?: string;
      errors?: { pointer: string; line: number | null; message: string }[];
    }
  >('POST', '/executors/direct', {
    headers: { 'content-type': 'multipart/form-data; boundary=X', ...headers },
    body: Buffer.concat([...parts, Buffer.from('--X--\r\n')]),
  });
}

describe('POST /executors/direct', () => {
  test('runs the definition of the request as a hidden workflow and gives back what it was given', async () => {
    const form = fields({
      data: JSON.stringify(DEFINITION),
      extras: '{"ticket":7}',
      failurePolicy: 'CONTINUE',
      timeout: '30',
    });
    const { status, body, text } = await direct(form);
    expect(status, text).toBe(201);
    const [execution] = (await api.call<[ExecutorDetail]>('GET', `/executors/${body.execId}`)).body;
    expect(execution).toMatchObject({
      execId: body.execId,
      workflowName: form['workflowName'],
      proxyUser: 'etl',
      queue: 'q1',
      status: 0,
      extras: { ticket: 7 },
    });
    expect(
      execution.data.nodes.map(({ name, desc, type, dep, extras }) => ({ name, desc, type, dep, extras })),
    ).toEqual([
      { name: 'get', desc: 'fetches', type: 'SHELL', dep: [], extras: { x: 1 } },
      { name: 'use', desc: '', type: 'VIRTUAL', dep: ['get'], extras: null },
    ]);
    expect(execution.data.userDefParams).toEqual([{ prop: 'year', value: '$[yyyy]' }]);
    expect((await api.store.getRun(runIdOf(body.execId)))?.spec).toMatchObject({
      failurePolicy: 'continue',
      timeoutMs: 30_000,
    });
    const listed = (await api.call<Page<WorkflowSummary>>('GET', '/workflows')).body.items.map((item) => item.name);
    expect(listed).toEqual(['diamond']);
    expect(
      (await api.call('PUT', `/projects/samples/workflows/${form['workflowName']}`, { body: DIAMOND })).status,
    ).toBe(409);
  });

  test('a name that is in use is refused', async () => {
    expect(await direct(fields({ workflowName: 'diamond', data: JSON.stringify(DEFINITION) }))).toMatchObject({
      status: 409,
      body: { code: 'NAME_TAKEN', message: 'project samples already has a workflow diamond' },
    });
  });

  test('two requests for one name at once start one run', async () => {
    const form = fields({ data: JSON.stringify(DEFINITION) });
    const answers = await Promise.all([direct(form), direct(form), direct(form)]);
    expect(answers.map((answer) => answer.status).sort((left, right) => left - right)).toEqual([201, 409, 409]);
    expect((await api.store.listRuns({ workflow: form['workflowName'] ?? '' }, 0, 10)).total).toBe(1);
  });

  test('names what is missing', async () => {
    const { status, body } = await direct({ projectName: 'samples' });
    expect({ status, messages: body.errors?.map((problem) => problem.message).sort() }).toEqual({
      status: 400,
      messages: ['proxyUser is required', 'queue is required', 'workflowName is required'],
    });
    expect((await direct(fields())).body.message).toBe(
      'data (a definition) or file (a zip with workflow.json) is required',
    );
    expect((await direct(fields({ projectName: 'nope', data: '{}' }))).status).toBe(404);
  });

  test('every problem of the definition has a place in the text that was sent, and nothing is stored', async () => {
    const data = JSON.stringify(
      {
        nodes: [
          { name: 'a', type: 'SHELL', parameter: { scrip: 'x' }, dep: ['zz'] },
          { name: 'b', type: 'FLINK_STREAM', parameter: {} },
        ],
      },
      null,
      2,
    );
    const form = fields({ data });
    const { status, body } = await direct(form);
    expect(status).toBe(422);
    expect(body.errors?.map((problem) => problem.pointer)).toEqual(
      including(['/nodes/0/parameter/scrip', '/nodes/0/dep/0', '/nodes/1/type']),
    );
    expect(body.errors?.every((problem) => problem.line !== null)).toBe(true);
    expect(await api.store.getWorkflow('samples', form['workflowName'] ?? '')).toBeNull();
  });

  test('the place of a problem that shows only in the whole is that of the published form', async () => {
    const { status, body } = await direct(
      fields({
        data: '{"nodes":[\n{"name":"a","type":"SHELL","parameter":{"script":"echo","params":{\n"x":"${nobody}"}}}]}',
      }),
    );
    expect({ status, errors: body.errors }).toEqual({
      status: 422,
      errors: [{ pointer: '/nodes/0/parameter/params/x', line: 3, column: 5, message: containing('nobody') }],
    });
  });
});

describe('the zip', () => {
  const workflow: ZipEntry = { name: 'workflow.json', content: JSON.stringify(DEFINITION), deflate: true };

  test('wins over data, and every task with a work directory gets its files', async () => {
    const form = fields({ data: '{"nodes": []}' });
    const { status, text } = await direct(
      form,
      zipOf([
        workflow,
        { name: 'list.txt', content: 'one\n' },
        { name: 'lib/', content: '', mode: 0o040755 },
        { name: 'lib/x.sh', content: 'true' },
      ]),
    );
    expect(status, text).toBe(201);
    const { body } = await api.call<WorkflowView>('GET', `/projects/samples/workflows/${form['workflowName']}`);
    expect(body.files.map(({ name, sizeBytes }) => ({ name, sizeBytes }))).toEqual([
      { name: 'list.txt', sizeBytes: 4 },
      { name: 'lib/x.sh', sizeBytes: 4 },
    ]);
    expect(body.definition.tasks.map((task) => task.files)).toEqual([['list.txt', 'lib/x.sh'], []]);
  });

  test.each<[string, ZipEntry[] | Buffer, string]>([
    ['no workflow.json', [{ name: 'other.json', content: '{}' }], 'its root holds no workflow.json'],
    ['workflow.json in a folder', [{ name: 'x/workflow.json', content: '{}' }], 'its root holds no workflow.json'],
    ['an absolute path', [workflow, { name: '/etc/passwd', content: 'x' }], '/etc/passwd'],
    ['a path that climbs', [workflow, { name: 'a/../../x', content: 'x' }], 'a/../../x'],
    ['a backslash path', [workflow, { name: '..\\x', content: 'x' }], 'invalid characters in fileName'],
    ['a drive letter', [workflow, { name: 'c:/x', content: 'x' }], 'c:/x'],
    [
      'a symbolic link',
      [workflow, { name: 'link', content: '/etc/passwd', mode: 0o120777 }],
      'entry "link" is a link, a device or something else that is not a plain file',
    ],
    [
      'a device',
      [workflow, { name: 'dev', content: '', mode: 0o020666 }],
      'entry "dev" is a link, a device or something else',
    ],
    [
      'one name twice',
      [workflow, { name: 'a', content: '1' }, { name: 'a', content: '2' }],
      'entry "a" is there twice',
    ],
    [
      'a file that is also a folder',
      [workflow, { name: 'a', content: '1' }, { name: 'a/b', content: '2' }],
      'entry "a" is both a file and a folder',
    ],
    [
      'a bomb',
      [workflow, { name: 'zeros', content: Buffer.alloc(8 * 1024 * 1024), deflate: true }],
      'entry "zeros" inflates more than 200 times',
    ],
    [
      'a bomb that lies about its size',
      [workflow, { name: 'zeros', content: Buffer.alloc(8 * 1024 * 1024), deflate: true, claimedSize: 100 }],
      'entry "zeros" inflates to more than it says',
    ],
    [
      'too much together',
      [workflow, { name: 'big', content: 'x', deflate: true, claimedSize: 65 * 1024 * 1024 }],
      'entry "big" is larger than 67108864 bytes',
    ],
    [
      'too many entries',
      [workflow, ...Array.from({ length: 1000 }, (_, index) => ({ name: `f${index}`, content: '' }))],
      'it has 1001 entries, more than 1000',
    ],
    ['something that is no zip', Buffer.from('hello'), 'it cannot be read'],
  ])('%s is refused before anything is stored', async (_name, zip, reason) => {
    const form = fields();
    const { status, body } = await direct(form, Buffer.isBuffer(zip) ? zip : zipOf(zip));
    expect({ status, code: body.code, message: body.message }).toEqual({
      status: 422,
      code: 'UNSAFE_ARCHIVE',
      message: containing(reason),
    });
    expect(await api.store.getWorkflow('samples', form['workflowName'] ?? '')).toBeNull();
  });
});

describe('the same request under the same key', () => {
  const key = (name: string) => ({ 'idempotency-key': name });
  const zip = () => zipOf([{ name: 'workflow.json', content: JSON.stringify(DEFINITION) }]);

  test('starts one run, also when it is sent twice at once; another request is refused', async () => {
    const form = fields({ data: JSON.stringify(DEFINITION) });
    const both = await Promise.all([direct(form, null, key('d1')), direct(form, null, key('d1'))]);
    const ids = [...both, await direct(form, null, key('d1'))].map(({ status, body }) => [status, body.execId]);
    expect(ids).toEqual([ids[0], ids[0], ids[0]]);
    expect(ids[0]?.[0]).toBe(201);
    expect(await direct({ ...form, queue: 'q2' }, null, key('d1'))).toMatchObject({
      status: 409,
      body: { code: 'CONFLICT' },
    });
    expect(await direct(form)).toMatchObject({ status: 409, body: { code: 'NAME_TAKEN' } });
    expect(await direct(form, null, key('d2'))).toMatchObject({ status: 409, body: { code: 'NAME_TAKEN' } });
  });

  test('counts the bytes of the zip', async () => {
    const form = fields();
    const first = await direct(form, zip(), key('d3'));
    expect(first.status).toBe(201);
    expect((await direct(form, zip(), key('d3'))).body.execId).toBe(first.body.execId);
    const other = zipOf([{ name: 'workflow.json', content: JSON.stringify({ ...DEFINITION, userDefParams: [] }) }]);
    expect(await direct(form, other, key('d3'))).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
  });

  test('takes up a workflow that a crash left without its run', async () => {
    const form = fields({ data: JSON.stringify(DEFINITION) });
    const { body } = await direct(form, null, key('d4'));
    const made = await api.store.getRun(runIdOf(body.execId));
    const left = fields({ data: JSON.stringify(DEFINITION) });
    const name = String(left['workflowName']);
    const version = await api.store.getWorkflowVersion(made?.spec.workflowId ?? 0, 1);
    if (version === null) throw new Error('not stored');
    const save = { ...version, definition: { ...version.definition, name }, project: 'samples', name, hidden: true };
    const parsed = await directHash(left);
    await api.store.saveWorkflow({ ...save, hash: parsed, mustBeNew: true, user: 'admin', at: 1 });
    expect(await direct(left)).toMatchObject({ status: 409, body: { code: 'NAME_TAKEN' } });
    expect(await direct(left, null, key('d5'))).toMatchObject({ status: 201 });
  });

  /** The hash under which the definition of a request is stored, from another store. */
  async function directHash(form: Record<string, string>): Promise<string> {
    const other = await openApi();
    await other.call('PUT', '/projects/samples', { body: {} });
    await other.call('POST', '/executors/direct', { body: form });
    return (await other.store.getWorkflow('samples', String(form['workflowName'])))?.hash ?? '';
  }
});
