/** Several workflows at once: out of a project as a zip, and into one from zips and texts, all of them or none. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ImportReport, Problem, WorkflowView } from '@pelorus/protocol';
import { API_LIMITS } from '../../src/api/limits.ts';
import { readZip } from '../../src/api/zip.ts';
import { openApi, type ApiUnderTest } from './api-under-test.ts';
import { zipOf } from './zip-builder.ts';
import { WAIT } from '../wait.ts';

let api: ApiUnderTest;
beforeEach(async () => {
  api = await openApi({}, onTestFinished);
  await api.call('PUT', '/projects/p');
});

type Refused = Problem & { report: ImportReport };
const TYPES = { yaml: 'application/yaml', json: 'application/json', zip: 'application/zip' };

function post<Body = ImportReport>(
  kind: keyof typeof TYPES,
  body: string | Buffer,
  { project = 'p', dryRun = false }: { project?: string; dryRun?: boolean } = {},
) {
  return api.call<Body>('POST', `/projects/${project}/import`, {
    headers: { 'content-type': TYPES[kind] },
    query: dryRun ? { dryRun: 'true' } : {},
    body,
  });
}

async function exported(project: string, query: Record<string, string> = {}): Promise<Buffer> {
  const response = await api.app.inject({ method: 'GET', url: `/api/v1/projects/${project}/export`, query });
  expect(response.statusCode, response.body.slice(0, 500)).toBe(200);
  expect(response.headers['content-type']).toBe('application/zip');
  return response.rawPayload;
}

function bundle(source: string, files: Record<string, string | Buffer>, format = 'yaml') {
  return {
    headers: { 'content-type': 'application/vnd.pelorus.bundle+json' },
    body: JSON.stringify({
      source,
      format,
      files: Object.entries(files).map(([name, content]) => ({
        name,
        base64: Buffer.from(content).toString('base64'),
      })),
    }),
  };
}

const put = async (name: string, sent: { headers: Record<string, string>; body: string }) => {
  const { status, text } = await api.call('PUT', `/projects/p/workflows/${name}`, sent);
  expect(status, text).toBe(201);
};
const yaml = (body: string) => ({ headers: { 'content-type': 'application/yaml' }, body });

async function definitionsOf(project: string) {
  const { body } = await api.call<{ items: { name: string }[] }>('GET', '/workflows', { query: { project } });
  return Promise.all(
    body.items.map(async ({ name }) => {
      const view = await api.call<WorkflowView>('GET', `/projects/${project}/workflows/${name}`);
      const { source, format, files, definition, version } = view.body;
      return { name, source, format, files, version, tasks: definition.tasks };
    }),
  );
}

const REPORTED = { file: null, format: 'yaml', errors: [], warnings: [] } as const;
const names = async (project = 'p') => (await definitionsOf(project)).map(({ name }) => name);

test('what was exported is, imported into another project, the same byte by byte', async () => {
  const binary = Buffer.from(Array.from({ length: 70_000 }, (_, at) => (at * 7919) % 256));
  await put('plain', yaml('# of its own\r\nname:   plain\ntasks: {a: {run: "true"}}\n\n# ünd zum Schluß\n'));
  await put('json', {
    headers: { 'content-type': 'application/json' },
    body: '{ "name":"json",  "tasks":{"a":{"type":"virtual"}}}',
  });
  await put(
    'with-files',
    bundle('tasks:\n  a: { run: sh lib/a.sh, files: [lib/a.sh, data.bin] }\n', {
      'lib/a.sh': 'echo a',
      'data.bin': binary,
      unnamed: '',
      zeros: Buffer.alloc(3 * 1024 * 1024),
      'with-files.yaml': 'tasks: {}',
    }),
  );
  await put('renamed', yaml('name: called_otherwise\nproject: elsewhere\ntasks: { a: { run: "true" } }\n'));
  await put('Plain', yaml('name: Plain\ntasks: { a: { run: x } }'));
  await put('children', yaml('name: children\ntasks: { a: { type: sub_workflow, workflow: plain } }'));
  await api.call('PUT', '/projects/p/files/shared/load.sql', {
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from('select 1'),
  });
  await put('shares', yaml('name: shares\ntasks: { a: { type: sql, connection: c, file: shared/load.sql } }'));
  await api.call('PUT', '/projects/q');

  const zip = await exported('p');
  const { status, body } = await post('zip', zip, { project: 'q' });

  expect(status).toBe(200);
  expect(body).toMatchObject({
    stored: true,
    files: [{ path: 'shared/load.sql', outcome: 'created' }],
    unused: [],
  });
  expect(body.workflows.map(({ name, outcome, version }) => `${name} ${outcome} ${version}`).toSorted()).toEqual(
    ['Plain', 'children', 'json', 'plain', 'renamed', 'shares', 'with-files'].map((name) => `${name} created 1`),
  );
  expect(await definitionsOf('q')).toEqual(await definitionsOf('p'));
  const again = await post('zip', zip, { project: 'q' });
  expect(again.body.workflows.map(({ outcome }) => outcome)).toEqual(Array(7).fill('unchanged'));
  expect(again.body.files).toEqual([{ path: 'shared/load.sql', outcome: 'unchanged' }]);
  // Only its list says of which project it is.
  const contents = async (bytes: Buffer) =>
    new Map([...(await readZip(bytes, 100))].filter(([name]) => name !== 'pelorus-export.json'));
  expect(await contents(await exported('q'))).toEqual(await contents(zip));
});

describe('an export', () => {
  test('holds the workflows that are named, in their latest versions, each with its files in a folder', async () => {
    await put('a', bundle('tasks: { t: { run: sh x.sh, files: [x.sh] } }', { 'x.sh': 'one' }));
    await put('b', yaml('name: b\ntasks: { t: { run: one } }'));
    await put('c', yaml('name: c\ntasks: { t: { run: one } }'));
    await api.call('PUT', '/projects/p/workflows/b', yaml('name: b\ntasks: { t: { run: two } }'));
    const contents = await readZip(await exported('p', { workflows: 'b,a' }), 100);
    expect([...contents].map(([name, content]) => [name, content.toString('utf8')]).slice(1)).toEqual([
      ['a.yaml', 'tasks: { t: { run: sh x.sh, files: [x.sh] } }'],
      ['a/x.sh', 'one'],
      ['b.yaml', 'name: b\ntasks: { t: { run: two } }'],
    ]);
    expect(JSON.parse(String(contents.get('pelorus-export.json')))).toEqual({
      kind: 'pelorus-export',
      version: 1,
      project: 'p',
      workflows: [
        { name: 'a', definition: 'a.yaml', files: [{ name: 'x.sh', entry: 'a/x.sh' }] },
        { name: 'b', definition: 'b.yaml', files: [] },
      ],
      projectFiles: [],
    });
  });

  test('of a name that is not there is a 404 that names it; of an empty project it is empty, and can be imported', async () => {
    await put('a', yaml('name: a\ntasks: { t: { run: one } }'));
    expect(await api.call('GET', '/projects/p/export', { query: { workflows: 'a,x,y' } })).toMatchObject({
      status: 404,
      body: { code: 'WORKFLOW_NOT_FOUND', message: 'project p has no workflow x, y' },
    });
    await api.call('PUT', '/projects/q');
    expect((await post('zip', await exported('q'))).body).toEqual({
      stored: true,
      workflows: [],
      files: [],
      unused: [],
    });
  });

  test('has a place among those under way until it is read or its client has gone, and no longer', async () => {
    const noise = randomBytes(API_LIMITS.filesBytesPerWorkflow - 1);
    await put('small', yaml('name: small\ntasks: { t: { run: one } }'));
    await put('large', bundle('tasks: { t: { run: one } }', { noise }));
    await api.app.listen({ host: '127.0.0.1', port: 0 });
    const url = `http://127.0.0.1:${(api.app.server.address() as AddressInfo).port}/api/v1/projects/p/export`;
    const small = `${url}?workflows=small`;
    for (let count = 0; count <= API_LIMITS.exportsAtOnce; count += 1) {
      expect((await fetch(small, { method: 'HEAD' })).status).toBe(200);
      expect((await (await fetch(small)).arrayBuffer()).byteLength).toBeGreaterThan(0);
    }
    const gone = new AbortController();
    const unread = await Promise.all(
      Array.from({ length: API_LIMITS.exportsAtOnce }, () => fetch(url, { signal: gone.signal })),
    );
    expect(unread.map(({ status }) => status)).toEqual(unread.map(() => 200));
    const tooMany = await fetch(url);
    expect([tooMany.status, tooMany.headers.get('retry-after')]).toEqual([429, '1']);
    gone.abort();
    await vi.waitFor(async () => expect((await fetch(small, { method: 'HEAD' })).status).toBe(200), WAIT);
  });

  test('leaves out what was run directly, and what is larger than an import may be is refused', async () => {
    const parameters = {
      ...{ projectName: 'p', workflowName: 'hidden', proxyUser: 'u', queue: 'q' },
      data: { nodes: [{ name: 'n', type: 'SHELL', parameter: { script: 'true' } }] },
    };
    expect((await api.call('POST', '/executors/direct', { body: parameters })).status).toBe(201);
    expect([...(await readZip(await exported('p'), 100)).keys()]).toEqual(['pelorus-export.json']);
    const half = Buffer.alloc(API_LIMITS.filesBytesPerWorkflow - 1, 7);
    await put('one', bundle('tasks: { t: { run: one } }', { half }));
    await put('two', bundle('tasks: { t: { run: two } }', { half }));
    expect(await api.call('GET', '/projects/p/export')).toMatchObject({ status: 413, body: { code: 'TOO_LARGE' } });
    expect((await exported('p', { workflows: 'one' })).length).toBeGreaterThan(0);
  });
});

describe('an import', () => {
  test('of YAML documents and of a JSON array saves each, and says what is new', async () => {
    await put('same', yaml('---\nname: same\ntasks: { t: { run: one } }\n'));
    await put('reworded', yaml('name: reworded\ntasks: { t: { run: one } }\n'));
    await put('other', yaml('name: other\ntasks: { t: { run: one } }'));
    const documents = `# first\nname: new\ntasks: { t: { run: one } }\n---\nname: same\ntasks: { t: { run: one } }\n---\n# nothing\n---\nname: other\ntasks: { t: { run: two } }\n---\nname: reworded # why\ntasks: { t: { run: one } }\n`;
    expect((await post('yaml', documents)).body).toEqual({
      stored: true,
      workflows: [
        { ...REPORTED, name: 'new', outcome: 'created', version: 1 },
        { ...REPORTED, name: 'same', outcome: 'unchanged', version: 1 },
        { ...REPORTED, name: 'other', outcome: 'updated', version: 2 },
        { ...REPORTED, name: 'reworded', outcome: 'unchanged', version: 1 },
      ],
      files: [],
      unused: [],
    });
    const { text } = await api.call('GET', '/projects/p/workflows/reworded/export');
    expect(text).toContain('# why');
    const array = JSON.stringify(['x', 'y'].map((name) => ({ name, tasks: { t: { run: 'one' } } })));
    expect((await post('json', array)).body.workflows.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['x', 'created'],
      ['y', 'created'],
    ]);
    expect(await names()).toEqual(['new', 'other', 'reworded', 'same', 'x', 'y']);
    const { items } = (
      await api.call<{ items: { action: string; target: string }[] }>('GET', '/audit', { query: { limit: '10' } })
    ).body;
    expect(
      items
        .filter(({ action }) => action === 'importProject')
        .map(({ target }) => target)
        .toSorted(),
    ).toEqual(['new', 'other', 'reworded', 'x', 'y'].map((name) => `projects/p/workflows/${name}`));
  });

  test('stores nothing when one of many is wrong, and names file, line and pointer of everything that is', async () => {
    const zip = zipOf([
      { name: 'good.yaml', content: 'tasks: { t: { run: one } }' },
      { name: 'bad.yaml', content: 'name: bad\ntasks:\n  t:\n    rum: one\n' },
      {
        name: 'two.yaml',
        content: 'name: fine\ntasks: { t: { run: a } }\n---\nname: lacks\ntasks:\n  t: { run: a, files: [b.sh] }\n',
      },
      { name: 'broken.json', content: '{"name": ' },
      { name: 'good/left.txt', content: 'x' },
      { name: 'readme.txt', content: 'x' },
    ]);
    const { status, body } = await post<Refused>('zip', zip);
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: 'INVALID_DEFINITION' });
    expect(body.message).toMatch(/^nothing was imported: 3 of 5 definitions were refused: bad\.yaml: /);
    expect(body.report.stored).toBe(false);
    expect(
      body.report.workflows.map(({ name, file, outcome, errors }) => [
        name,
        file,
        outcome,
        ...errors.map(({ pointer, line }) => `${pointer}:${line}`),
      ]),
    ).toEqual([
      ['good', 'good.yaml', 'created'],
      ['bad', 'bad.yaml', 'refused', '/tasks/t:3', '/tasks/t/rum:4'],
      ['fine', 'two.yaml', 'created'],
      ['lacks', 'two.yaml', 'refused', '/tasks/t/files/0:6'],
      ['broken', 'broken.json', 'refused', '/name:1'],
    ]);
    expect(body.report.unused).toEqual(['readme.txt']);
    expect(await names()).toEqual([]);
    const dry = await post('zip', zip, { dryRun: true });
    expect({ status: dry.status, report: dry.body }).toEqual({ status: 200, report: body.report });
  });

  test('as a dry run says the same and stores nothing', async () => {
    const text = 'name: a\ntasks: { t: { run: one } }\n---\nname: b\ntasks: { t: { run: one } }\n';
    const dry = await post('yaml', text, { dryRun: true });
    expect(await names()).toEqual([]);
    const done = await post('yaml', text);
    expect(dry.body).toEqual({ ...done.body, stored: false });
    expect(await names()).toEqual(['a', 'b']);
  });

  test('knows workflows that come together: they may name one another, but not run in circles', async () => {
    const child = (name: string, workflow: string) =>
      `name: ${name}\ntasks:\n  t:\n    type: sub_workflow\n    workflow: ${workflow}\n`;
    const { body } = await post(
      'yaml',
      [child('top', 'middle'), child('middle', 'leaf'), 'name: leaf\ntasks: { t: { run: x } }\n'].join('---\n'),
    );
    expect(body.workflows.map(({ outcome, warnings }) => [outcome, warnings])).toEqual(
      Array.from({ length: 3 }, () => ['created', []]),
    );
    const circle = await post<Refused>(
      'yaml',
      [child('beside', 'top'), child('leaf', 'new'), child('new', 'p/middle')].join('---\n'),
    );
    expect(circle.status).toBe(422);
    const message = 'sub-workflows that run one another never end: p/middle → p/leaf → p/new → p/middle';
    const at = (line: number) => ({ pointer: '/tasks/t/workflow', line, column: 15, message });
    expect(circle.body.report.workflows.map(({ outcome, errors }) => [outcome, errors])).toEqual([
      ['created', []],
      ['refused', [at(11)]],
      ['refused', [at(17)]],
    ]);
    expect((await definitionsOf('p')).map(({ name, version }) => [name, version])).toEqual([
      ['leaf', 1],
      ['middle', 1],
      ['top', 1],
    ]);
  });

  test('refuses the second definition of a name, one without a name, and the name of a workflow that was run directly', async () => {
    const parameters = {
      ...{ projectName: 'p', workflowName: 'hidden', proxyUser: 'u', queue: 'q' },
      data: { nodes: [{ name: 'n', type: 'SHELL', parameter: { script: 'true' } }] },
    };
    await api.call('POST', '/executors/direct', { body: parameters });
    const task = 'tasks: { t: { run: one } }\n';
    const { status, body } = await post<Refused>(
      'yaml',
      `name: a\n${task}---\nname: a\n${task}---\n${task}---\nname: hidden\n${task}`,
    );
    expect(status).toBe(422);
    expect(body.report.workflows.map(({ name, outcome, errors }) => [name, outcome, errors[0]?.message ?? ''])).toEqual(
      [
        ['a', 'created', ''],
        ['a', 'refused', 'a is the name of another definition as well: line 1'],
        [null, 'refused', expect.stringContaining('name')],
        ['hidden', 'refused', expect.stringContaining('was run directly')],
      ],
    );
  });

  test('as text keeps the files of the version before, as a zip brings all of them', async () => {
    const source = 'name: a\ntasks: { t: { run: sh x.sh, files: [x.sh] } }\n';
    await put('a', bundle(source, { 'x.sh': 'one' }));
    expect((await post('yaml', source.replace('sh x.sh', 'bash x.sh'))).body.workflows[0]).toMatchObject({
      outcome: 'updated',
    });
    const alone = await post<Refused>('zip', zipOf([{ name: 'a.yaml', content: source }]));
    expect(alone.body.report.workflows[0]?.errors).toMatchObject([{ pointer: '/tasks/t/files/0', line: 2 }]);
    const both = zipOf([
      { name: 'a.yaml', content: source },
      { name: 'a/x.sh', content: 'two' },
    ]);
    expect((await post('zip', both)).body).toMatchObject({
      stored: true,
      workflows: [{ outcome: 'updated', version: 3 }],
    });
  });

  test('leaves files of the project alone that are there already, and says so', async () => {
    const bytes = { 'content-type': 'application/octet-stream' };
    await api.call('PUT', '/projects/p/files/a.sql', { headers: bytes, body: Buffer.from('select 1') });
    await put('w', yaml('name: w\ntasks: { a: { type: sql, connection: c, file: a.sql } }'));
    const zip = await exported('p');
    await api.call('PUT', '/projects/q');
    await api.call('PUT', '/projects/q/files/a.sql', { headers: bytes, body: Buffer.from('select 2') });
    const { body } = await post('zip', zip, { project: 'q' });
    expect(body).toMatchObject({ stored: true, files: [{ path: 'a.sql', outcome: 'kept' }] });
    expect((await api.call('GET', '/projects/q/files/a.sql')).text).toBe('select 2');
  });

  const LIST = { kind: 'pelorus-export', version: 1, project: 'p', workflows: [], projectFiles: [] };
  const listed = (list: object, ...more: { name: string; content: string }[]) =>
    zipOf([{ name: 'pelorus-export.json', content: JSON.stringify({ ...LIST, ...list }) }, ...more]);
  const definition = { name: 'a.yaml', content: 'tasks: { t: { run: x } }' };
  const REFUSED: [string, keyof typeof TYPES, () => string | Buffer, number, RegExp][] = [
    ['no bytes', 'yaml', () => '', 400, /must hold definitions/],
    ['nothing but comments in an array', 'json', () => ' [ ] ', 400, /holds no definition/],
    ['an empty zip', 'zip', () => zipOf([]), 400, /holds no definition/],
    ['no zip', 'zip', () => 'PK', 422, /cannot be read/],
    ['text that is not UTF-8', 'yaml', () => Buffer.from([0xff, 0xfe]), 400, /not UTF-8/],
    ['a text that is too long', 'yaml', () => '#'.repeat(API_LIMITS.importTextBytes + 1), 413, /send a zip/],
    [
      'too many documents',
      'yaml',
      () => 'a\n---\n'.repeat(API_LIMITS.importWorkflows + 1),
      413,
      /definitions, more than 2000/,
    ],
    [
      'too many tasks',
      'json',
      () => {
        const tasks = Object.fromEntries(Array.from({ length: 9000 }, (_, at) => [`t${at}`, { type: 'virtual' }]));
        return JSON.stringify(Array.from({ length: 24 }, (_, at) => ({ name: `w${at}`, tasks })));
      },
      413,
      /200000 tasks/,
    ],
    [
      'a list that is no JSON',
      'zip',
      () => zipOf([{ name: 'pelorus-export.json', content: '{' }]),
      400,
      /acceptable JSON/,
    ],
    [
      'a list of another kind',
      'zip',
      () => listed({ kind: 'x' }),
      400,
      /pelorus-export\.json of the zip cannot be used: \/kind/,
    ],
    [
      'a list of what is not there',
      'zip',
      () => listed({ workflows: [{ name: 'a', definition: 'a.yaml', files: [] }] }),
      400,
      /"a\.yaml", which is not there/,
    ],
    [
      'a list with a path that leaves its folder',
      'zip',
      () =>
        listed(
          { workflows: [{ name: 'a', definition: 'a.yaml', files: [{ name: '../x', entry: 'a.yaml' }] }] },
          definition,
        ),
      400,
      /must be a relative path/,
    ],
    [
      'a list with a name that is none',
      'zip',
      () => listed({ workflows: [{ name: '../a', definition: 'a.yaml', files: [] }] }, definition),
      400,
      /must begin with a letter/,
    ],
    [
      'a list that names one large file again and again',
      'zip',
      () =>
        listed(
          {
            workflows: Array.from({ length: 100 }, (_, at) => ({
              name: `w${at}`,
              definition: 'a.yaml',
              files: [{ name: 'large', entry: 'large' }],
            })),
          },
          definition,
          { name: 'large', content: 'x'.repeat(1024 * 1024) },
        ),
      422,
      /what its list names is more than/,
    ],
  ];
  test.each(REFUSED)('of %s is refused', async (_what, kind, body, status, message) => {
    const answer = await post<Problem>(kind, body());
    expect(answer.status, answer.text.slice(0, 500)).toBe(status);
    expect(answer.body.message).toMatch(message);
    expect(await names()).toEqual([]);
  });

  test('of thousands that run one another in one long circle is refused in bounded time, in a report of bounded size', async () => {
    const count = API_LIMITS.importWorkflows;
    const all = Array.from({ length: count }, (_, at) => ({
      name: `w${at}`,
      tasks: Object.fromEntries(
        [1, 2, 3].map((step) => [`t${step}`, { type: 'sub_workflow', workflow: `w${(at + step) % count}` }]),
      ),
    }));
    const { status, text, body } = await post<Refused>('json', JSON.stringify(all));
    expect(status).toBe(422);
    expect(body.report.workflows.every(({ outcome }) => outcome === 'refused')).toBe(true);
    expect(text.length).toBeLessThan(4 * 1024 * 1024);
  });

  test('of what somebody has changed meanwhile is refused as a whole', async () => {
    await put('a', yaml('name: a\ntasks: { t: { run: one } }'));
    const before = await api.store.getWorkflow('p', 'a');
    const { definition: parsed } = (await api.store.getWorkflowVersion(before?.id ?? 0, 1))!;
    const save = (name: string, ifVersion: number | null) => ({
      ...{ project: 'p', name, definition: parsed, files: [], source: '', format: 'yaml' as const, hash: 'h' },
      ...{ hidden: false, mustBeNew: false, ifVersion, user: 'ann', at: 1 },
    });
    const request = {
      ...{ projectId: before?.projectId ?? 0, files: [], user: 'ann', at: 1 },
      limits: { files: 1, bytes: 1 },
    };
    await expect(
      api.store.saveTogether({ ...request, workflows: [save('b', null), save('a', 7)] }),
    ).rejects.toMatchObject({ code: 'PRECONDITION' });
    expect(await names()).toEqual(['a']);
  });
});
