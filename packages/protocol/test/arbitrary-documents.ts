/** Generators for the property tests: valid definitions as a person writes them, and damaged ones. */
import fc from 'fast-check';

type Json = { [key: string]: unknown };

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((value) => value.isWellFormed() && !value.includes('\0') && !value.includes('$'));
const parameterName = fc.stringMatching(/^[a-z_][a-z0-9_.-]{0,8}$/);
const word = fc.stringMatching(/^[A-Za-z][a-z0-9_-]{0,8}$/);
const value = fc.oneof(text, fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean());
const duration = fc.oneof(
  fc.integer({ min: 1, max: 86_400 }),
  fc.constantFrom('30s', '10m', '2h', '1d', '1h30m', '250ms'),
);
const timeout = fc.oneof(
  duration,
  fc.record({ after: duration, action: fc.constantFrom('fail', 'warn', 'warn_and_fail') }, { requiredKeys: ['after'] }),
);
const file = fc.array(word, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const workflow = fc
  .oneof(
    word,
    fc.tuple(word, word).map(([project, name]) => `${project}/${name}`),
  )
  .map((name) => `x${name}`);
const type = fc.constantFrom('string', 'integer', 'number', 'boolean');
const json = fc.jsonValue({ maxDepth: 2 }).filter((one) => {
  const written = JSON.stringify(one);
  return written.isWellFormed() && !/__proto__|\\u0000|\\ud[89a-f]|\$/.test(written);
});

const common = fc.record(
  {
    description: text,
    trigger: fc.constantFrom('all_success', 'all_done', 'any_failed', 'none_failed'),
    disabled: fc.boolean(),
    env: fc.dictionary(
      fc.stringMatching(/^[A-Z_]{1,6}$/).filter((name) => !name.startsWith('PELORUS_')),
      value,
      { maxKeys: 3 },
    ),
    retry: fc.record(
      {
        max: fc.integer({ min: 0, max: 1000 }),
        interval: fc.constantFrom(5, '60s'),
        backoff: fc.constantFrom('fixed', 'exponential'),
        maxInterval: fc.constantFrom('1h', 60),
      },
      { requiredKeys: [] },
    ),
    timeout,
    delay: duration,
    priority: fc.constantFrom('highest', 'high', 'medium', 'low', 'lowest'),
    workerGroup: fc.stringMatching(/^[a-z0-9_][a-z0-9._-]{0,9}$/),
    environment: text,
    runAs: text,
    taskGroup: fc.oneof(
      text,
      fc.record(
        { name: text, weight: fc.integer({ min: 1, max: 9 }), priority: fc.integer({ min: -9, max: 9 }) },
        { requiredKeys: ['name'] },
      ),
    ),
    onWorkerLost: fc.constantFrom('rerun', 'fail', 'wait'),
    dispatchTimeout: duration,
    executionLease: fc.constantFrom(20, '90s', '1d'),
    files: fc.uniqueArray(file, { maxLength: 3 }),
    extras: json,
  },
  { requiredKeys: [] },
);
const params = fc.dictionary(parameterName, value, { maxKeys: 3 });
const declared = fc.dictionary(
  parameterName,
  fc.oneof(
    type,
    type.map((one) => ({ type: one })),
  ),
  { maxKeys: 2 },
);
const runOrFile = fc.oneof(fc.record({ run: text }), fc.record({ file }));
const merged = (...parts: fc.Arbitrary<Json>[]): fc.Arbitrary<Json> =>
  fc.tuple(...parts).map((all) => Object.assign({}, ...all) as Json);
const optional = (model: { [key: string]: fc.Arbitrary<unknown> }): fc.Arbitrary<Json> =>
  fc.record(model, { requiredKeys: [] });
const ordinary = optional({ params, outputs: declared });

const upstream = fc.record(
  { workflow, task: word, window: fc.constantFrom('today', 'last1Days', 'lastMonth', 'currentHour', 'lastFriday') },
  { requiredKeys: ['workflow', 'window'] },
);
const kinds: fc.Arbitrary<Json>[] = [
  merged(
    fc.record({ run: text }),
    ordinary,
    optional({ shell: fc.constantFrom('sh', 'bash'), substitution: fc.constantFrom('env', 'text') }),
  ),
  merged(fc.constant({ type: 'shell' }), runOrFile, ordinary),
  merged(fc.constant({ type: 'python' }), runOrFile, ordinary, optional({ interpreter: word })),
  merged(fc.constant({ type: 'script' }), runOrFile, ordinary),
  merged(
    fc.constant({ type: 'sql' }),
    fc.record({ connection: text }),
    runOrFile,
    ordinary,
    optional({
      preStatements: fc.array(text, { maxLength: 2 }),
      postStatements: fc.array(text, { maxLength: 2 }),
      maxRows: fc.integer({ min: 1, max: 1000 }),
      raw: fc.dictionary(parameterName, fc.array(text, { minLength: 1, maxLength: 2 }), { maxKeys: 2 }),
    }),
  ),
  merged(
    fc.constant({ type: 'http' }),
    fc.record({ url: word.map((host) => `http://${host}/x`) }),
    optional({
      params,
      method: fc.constantFrom('GET', 'POST'),
      headers: fc.dictionary(word, fc.oneof(word, fc.integer()), { maxKeys: 2 }),
      body: json,
      expect: optional({
        status: fc.oneof(
          fc.integer({ min: 100, max: 599 }),
          fc.uniqueArray(fc.integer({ min: 100, max: 599 }), { minLength: 1, maxLength: 2 }),
        ),
        body: text,
      }),
      outputs: fc.dictionary(parameterName, text, { maxKeys: 2 }),
    }),
  ),
  merged(fc.constant({ type: 'virtual' }), ordinary),
  merged(
    fc.constant({ type: 'sub_workflow' }),
    fc.record({ workflow }),
    optional({ params, outputs: declared, version: fc.oneof(fc.constant('latest'), fc.integer({ min: 1, max: 99 })) }),
  ),
  merged(
    fc.constant({ type: 'dependent' }),
    fc.record({
      upstream: fc.oneof(
        upstream,
        fc.record({ and: fc.array(upstream, { minLength: 1, maxLength: 2 }) }),
        fc.record({ or: fc.tuple(upstream, fc.record({ and: fc.tuple(upstream) })) }),
      ),
    }),
    ordinary,
    optional({
      checkInterval: fc.constantFrom(5, '10s'),
      maxWait: fc.constantFrom(60, '1h'),
      onFailure: fc.constantFrom('fail', 'wait'),
    }),
  ),
];
const plainTask = merged(fc.oneof(...kinds), common);

/** Valid tasks, each needing some before it; a switch and a conditions task at the end when there is something to decide about. */
const tasks = fc
  .array(fc.tuple(plainTask, fc.array(fc.nat(100), { maxLength: 3 })), { minLength: 1, maxLength: 5 })
  .chain((written) => {
    const all: Json = {};
    for (const [index, [task, needs]] of written.entries()) {
      all[`t${index}`] = {
        ...task,
        ...(index === 0 ? {} : { needs: [...new Set(needs.map((need) => `t${need % index}`))] }),
      };
    }
    const check = {
      type: 'conditions',
      needs: ['t0'],
      when: { or: [{ task: 't0', state: 'failed' }] },
      success: ['pick'],
    };
    const pick = { type: 'switch', needs: ['check'], cases: [{ when: '${n} > 1', goto: 'end' }], default: ['end'] };
    const logic = { check, pick, end: { type: 'virtual', needs: ['pick'] } };
    return fc.boolean().map((withLogic): Json => ({ ...all, ...(withLogic ? logic : {}) }));
  });

const declaration = fc.oneof(
  value,
  fc.record({ type, required: fc.boolean() }),
  fc.record({ enum: fc.constant(['a', 'b']), default: fc.constantFrom('a', '${x}') }, { requiredKeys: ['enum'] }),
  fc.record({ type: fc.constant('number'), default: fc.constantFrom(1, 1.5) }),
);

export const validDocuments: fc.Arbitrary<Json> = fc
  .record(
    {
      name: word,
      tasks,
      project: word,
      description: text,
      labels: fc.dictionary(word, value, { maxKeys: 2 }),
      params: fc.dictionary(parameterName, declaration, { maxKeys: 3 }),
      failurePolicy: fc.constantFrom('end', 'continue'),
      concurrency: fc.constantFrom('parallel', 'serial_wait', 'serial_discard', 'serial_priority'),
      timeout,
      priority: fc.constantFrom('high', 'medium'),
      parameterMode: fc.constantFrom('strict', 'lenient'),
      schedule: fc.record(
        {
          cron: fc.constant('0 * * * *'),
          timezone: fc.constantFrom('UTC', 'Asia/Shanghai'),
          start: fc.constantFrom('2026-01-01', '2026-01-01T08:00:00Z'),
          misfire: fc.constantFrom('skip', 'fire_all'),
          online: fc.boolean(),
          dependsOn: fc.uniqueArray(workflow, { maxLength: 2 }),
        },
        { requiredKeys: ['cron'] },
      ),
      notify: fc.oneof(
        fc.record(
          { when: fc.constantFrom('none', 'all'), to: fc.uniqueArray(text, { maxLength: 2 }) },
          { requiredKeys: ['when'] },
        ),
        fc.record({ on: fc.constantFrom('success', 'failure') }),
      ),
      defaults: merged(common, optional({ connection: text, shell: word, outputs: declared })),
    },
    { requiredKeys: ['name', 'tasks'] },
  )
  // As JSON holds it: there is no -0.
  .map((document) => JSON.parse(JSON.stringify(document)) as Json);

const wrongValues = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    '',
    'x',
    '1h',
    'fail',
    'shell',
    'sql',
    't0',
    [],
    {},
    ['x'],
    ['t0', 't0'],
    { x: 1 },
    { type: 'shell' },
    '\0',
    '\ud800',
    '${',
    '$[',
    '../x',
    '__proto__',
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const KEYS = [
  'name',
  'type',
  'run',
  'file',
  'needs',
  'when',
  'retires',
  'url',
  'connection',
  'params',
  'tasks',
  'defaults',
  'extras',
  'outputs',
  '',
  'a b',
  '__proto__',
  'constructor',
  'toString',
];
const damage = fc.record({
  path: fc.array(fc.nat(30), { maxLength: 6 }),
  kind: fc.constantFrom('replace', 'remove', 'add', 'rename'),
  key: fc.constantFrom(...KEYS),
  value: wrongValues,
});

/** Valid documents with up to three values replaced, removed, added or renamed. */
export const damagedDocuments: fc.Arbitrary<unknown> = fc
  .tuple(validDocuments, fc.array(damage, { minLength: 1, maxLength: 3 }))
  .map(([document, damages]) => {
    const copy = structuredClone(document);
    for (const { path, kind, key, value: wrong } of damages) {
      let at: unknown = copy;
      for (const [step, index] of path.entries()) {
        if (typeof at !== 'object' || at === null) break;
        const keys = Object.keys(at);
        const chosen = keys[index % Math.max(1, keys.length)];
        const isLast =
          step === path.length - 1 ||
          typeof Reflect.get(at, chosen ?? '') !== 'object' ||
          Reflect.get(at, chosen ?? '') === null;
        if (chosen === undefined || isLast) {
          change(at as Json, kind, chosen ?? key, key, structuredClone(wrong));
          break;
        }
        at = Reflect.get(at, chosen);
      }
    }
    return copy;
  });

function change(target: Json, kind: string, chosen: string, key: string, wrong: unknown): void {
  const set = (name: string, one: unknown): void =>
    void Object.defineProperty(target, name, { value: one, enumerable: true, configurable: true, writable: true });
  if (Array.isArray(target)) target.push(wrong);
  else if (kind === 'replace') set(chosen, wrong);
  else if (kind === 'add' || !Object.hasOwn(target, chosen)) set(key, wrong);
  else {
    const kept = target[chosen];
    delete target[chosen];
    if (kind === 'rename') set(key, kept);
  }
}
