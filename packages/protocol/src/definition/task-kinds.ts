/** The ten task types: their own keys, what else must hold, and the action that they become. */
import {
  PARAMETER_NAME_EXPECTED,
  PARAMETER_NAME_PATTERN,
  HEADER_NAME_PATTERN,
  fileName,
  name,
  oneOrMoreTasks,
  taskReference,
  taskReferences,
  workflowReference,
  type TaskReference,
} from './names.ts';
import type { TaskAction, TaskType } from '../workflow.ts';
import {
  expression,
  leavesOf,
  namesOf,
  plainCondition,
  plainUpstream,
  refuseBothBranches,
  refuseConstantCondition,
  refuseUnreachableCases,
  tree,
} from './branches.ts';
import { parameterValues } from './parameter-shape.ts';
import { inside, type Place } from './place.ts';
import type { ProblemLog } from './problem-log.ts';
import { isMap, Overlay, type Member } from './members.ts';
import {
  defaulted,
  duration,
  either,
  integer,
  isGoodTemplate,
  json,
  list,
  mapped,
  named,
  object,
  oneOf,
  optional,
  record,
  required,
  text,
  textual,
  type Fields,
  type Read,
  type Whole,
} from './shape.ts';

/** Tasks that a logic task names. */
export interface Links {
  /** Tasks that it decides about: they must need it. */
  targets: TaskReference[];
  /** Tasks whose state it looks at: it must need them. */
  conditions: TaskReference[];
}
const NO_LINKS: Links = { targets: [], conditions: [] };

export interface TaskKind {
  type: TaskType;
  doc: string;
  fields: Fields;
  /** Exactly one of `run` and `file` must be given. */
  runOrFile: boolean;
  /** Looks at what could be read, whatever else was refused. */
  inspect(values: Read<Fields>, members: Map<string, Member>, place: Place, log: ProblemLog): Links;
  /** Of values none of which was refused. */
  build(values: Whole<Fields>): TaskAction;
}

interface KindRules<F extends Fields> {
  runOrFile?: true;
  inspect?: (values: Read<F>, members: Map<string, Member>, place: Place, log: ProblemLog) => Links | void;
  build: (values: Whole<F>) => TaskAction;
}

function kind<F extends Fields>(type: TaskType, doc: string, fields: F, rules: KindRules<F>): TaskKind {
  return {
    type,
    doc,
    fields,
    runOrFile: rules.runOrFile ?? false,
    // The caller reads exactly `fields`, so the values are those of F.
    inspect: (values, members, place, log) => rules.inspect?.(values as Read<F>, members, place, log) ?? NO_LINKS,
    build: (values) => rules.build(values as Whole<F>),
  };
}

const run = (doc: string) => optional(text({ expected: 'text' }), doc);
const file = optional(fileName(), 'A file beside the workflow that holds it, instead of `run`.');
const substitution = defaulted(
  oneOf(['env', 'text']),
  'env',
  '`text`: values replace `${name}` in the script itself, as imported scripts expect. A value can then inject code.',
);
export const params = defaulted(
  named('parameterValues', parameterValues()),
  {},
  'Parameters of the task: name → value.',
);
const statements = defaulted(
  list(text({ template: 'bound' }), { expected: 'a list of statements', max: 1000 }),
  [],
  'Statements run in order.',
);

const WINDOW_PATTERN =
  '^(?:currentHour|last[1-9]\\d{0,2}Hours?|today|last[1-9]\\d{0,2}Days?|thisWeek|lastWeek|last(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|thisMonth|thisMonthBegin|lastMonth|lastMonthBegin|lastMonthEnd)$';
const WINDOW_EXPECTED =
  'a window such as `today`, `last1Days`, `thisWeek`, `lastWeek`, `lastMonday`, `thisMonth`, `lastMonth`, `lastMonthEnd`, `currentHour` or `last24Hours`';

/** What `outputs` means for every type but http. */
export const declaredOutputs = record(
  either(
    mapped(oneOf(['string', 'integer', 'number', 'boolean']), (type) => ({ type })),
    object(
      'a map with `type`',
      { type: required(oneOf(['string', 'integer', 'number', 'boolean']), 'What values the output has.') },
      ({ type }) => ({ type }),
    ),
    (value) => isMap(value) || value instanceof Overlay,
  ),
  {
    expected: 'a map of output names to types',
    keyExpected: PARAMETER_NAME_EXPECTED,
    keyPattern: PARAMETER_NAME_PATTERN,
  },
);

export const TASK_KINDS: readonly TaskKind[] = [
  kind(
    'shell',
    'A shell script.',
    {
      run: run('The script.'),
      file,
      shell: defaulted(text({ expected: 'the name of a shell', maxBytes: 1000 }), 'bash', 'The shell that runs it.'),
      substitution,
    },
    {
      runOrFile: true,
      inspect: inspectScript,
      build: (v) => ({ type: 'shell', run: v.run, file: v.file, shell: v.shell, substitution: v.substitution }),
    },
  ),

  kind(
    'python',
    'A Python script.',
    {
      run: run('The script.'),
      file,
      interpreter: defaulted(
        text({ expected: 'the name of an interpreter', maxBytes: 1000 }),
        'python3',
        'The interpreter that runs it.',
      ),
      substitution,
    },
    {
      runOrFile: true,
      inspect: inspectScript,
      build: (v) => ({
        type: 'python',
        run: v.run,
        file: v.file,
        interpreter: v.interpreter,
        substitution: v.substitution,
      }),
    },
  ),

  kind(
    'script',
    'A JavaScript or TypeScript function.',
    {
      run: run('The body of a function of `ctx` = {params, outputs, log, signal, workDir}.'),
      file: optional(fileName(), 'A module with a default export `async (ctx) => outputs`, instead of `run`.'),
    },
    { runOrFile: true, build: (v) => ({ type: 'script', run: v.run, file: v.file }) },
  ),

  kind(
    'http',
    'An HTTP request.',
    {
      method: defaulted(oneOf(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']), 'GET', 'The method.'),
      url: required(
        text({
          expected: 'an address that begins with http:// or https://',
          pattern: '^(?:[hH][tT][tT][pP][sS]?://|\\$\\{)[^\\s]',
          maxBytes: 64 * 1024,
          template: 'bound',
        }),
        'The address; may hold `${name}`.',
      ),
      headers: defaulted(
        record(
          textual({
            template: 'bound',
            maxBytes: 64 * 1024,
            check: (value) => (/[\r\n]/.test(value) ? 'must not hold line breaks' : null),
          }),
          {
            expected: 'a map of header names to values',
            keyExpected: 'a header name',
            keyPattern: HEADER_NAME_PATTERN,
            max: 200,
          },
        ),
        {},
        'Header name → value.',
      ),
      body: defaulted(json(), null, 'Text is sent as it is, any other value as JSON.'),
      expect: defaulted(
        object(
          'a map with `status` and `body`',
          {
            status: defaulted(
              either(
                mapped(integer(100, 599), (one) => [one]),
                list(integer(100, 599), { expected: 'a list of status codes', min: 1, unique: true }),
                Array.isArray,
              ),
              [200],
              'Status codes that count as success.',
            ),
            body: optional(text(), 'Text or pattern that the answer must hold.'),
          },
          ({ status, body }) => ({ status, body }),
        ),
        { status: [200], body: null },
        'What the answer must be for the task to succeed.',
        { status: [200] },
      ),
      outputs: defaulted(
        record(text({ expected: 'a JSON path', maxBytes: 1000 }), {
          expected: 'a map of output names to JSON paths',
          keyExpected: PARAMETER_NAME_EXPECTED,
          keyPattern: PARAMETER_NAME_PATTERN,
        }),
        {},
        'Output name → JSON path into the answer.',
      ),
    },
    {
      inspect: (v, members, _place, log) => {
        const at = members.get('body')?.place;
        if (at !== undefined) checkTemplatesIn(v.body, at, log);
      },
      build: (v) => ({
        type: 'http',
        method: v.method,
        url: v.url,
        headers: v.headers,
        body: v.body,
        expect: v.expect,
        extract: v.outputs,
      }),
    },
  ),

  kind(
    'sql',
    'SQL statements on a connection.',
    {
      connection: required(text({ expected: 'the name of a connection', maxBytes: 1000 }), 'The connection to run on.'),
      run: optional(text({ template: 'bound' }), 'The statements; `${name}` becomes a bind parameter.'),
      file,
      preStatements: { ...statements, doc: 'Statements run first, in order.' },
      postStatements: { ...statements, doc: 'Statements run last, in order.' },
      maxRows: defaulted(integer(1, 1_000_000), 10_000, 'Rows of an answer that are kept.'),
      raw: defaulted(
        record(list(textual({ maxBytes: 64 * 1024 }), { expected: 'a list of allowed values', min: 1, max: 1000 }), {
          expected: 'a map of names to lists of allowed values',
          keyExpected: PARAMETER_NAME_EXPECTED,
          keyPattern: PARAMETER_NAME_PATTERN,
        }),
        {},
        'Name → the only values that `!{name}`, which is replaced as text, may take.',
      ),
    },
    {
      runOrFile: true,
      build: (v) => ({
        type: 'sql',
        connection: v.connection,
        run: v.run,
        file: v.file,
        preStatements: v.preStatements,
        postStatements: v.postStatements,
        maxRows: v.maxRows,
        raw: v.raw,
      }),
    },
  ),

  kind('virtual', 'An empty connector: succeeds at once.', {}, { build: () => ({ type: 'virtual' }) }),

  kind(
    'conditions',
    'Takes one of two branches by how its predecessors ended.',
    {
      when: required(
        tree(
          'taskCondition',
          'a condition: `{and: […]}`, `{or: […]}` or `{task, state}`',
          {
            task: required(taskReference(), 'A predecessor of this task.'),
            state: required(oneOf(['succeeded', 'failed']), 'How it must have ended.'),
          },
          ({ task, state }) => ({ task, state }),
        ),
        'What decides: `{and: [...]}` or `{or: [...]}` of `{task, state}` or of further such maps.',
      ),
      success: defaulted(taskReferences(), [], 'Tasks that run when it holds; each needs this task.'),
      failure: defaulted(taskReferences(), [], 'Tasks that run when it does not; each needs this task.'),
    },
    {
      inspect: (v, _members, _place, log) => {
        const conditions = v.when === undefined ? [] : leavesOf(v.when).map(({ task }) => task);
        if (v.success && v.failure) refuseBothBranches(v.success, v.failure, log);
        if (v.when && v.success && v.failure) refuseConstantCondition(v.when, v.success, v.failure, log);
        return { targets: [...(v.success ?? []), ...(v.failure ?? [])], conditions };
      },
      build: (v) => ({
        type: 'conditions',
        when: plainCondition(v.when),
        success: namesOf(v.success),
        failure: namesOf(v.failure),
      }),
    },
  ),

  kind(
    'switch',
    'Takes the first branch whose expression holds.',
    {
      cases: required(
        list(
          object(
            'a map with `when` and `goto`',
            {
              when: required(
                expression(),
                'An expression over parameters and outputs, e.g. `${n} > 10 && ${r} == "cn"`.',
              ),
              goto: required(oneOrMoreTasks(), 'The task or tasks that run; each needs this task.'),
            },
            ({ when, goto }, place) => ({ when, goto, place }),
          ),
          { expected: 'a list of maps with `when` and `goto`', min: 1, max: 1000 },
        ),
        'Branches, looked at in order.',
      ),
      default: defaulted(oneOrMoreTasks(), [], 'The task or tasks that run when no case holds.'),
    },
    {
      inspect: (v, members, _place, log) => {
        if (v.cases) refuseUnreachableCases(v.cases, members.get('default'), log);
        return { targets: [...(v.cases ?? []).flatMap(({ goto }) => goto), ...(v.default ?? [])], conditions: [] };
      },
      build: (v) => ({
        type: 'switch',
        cases: v.cases.map(({ when, goto }) => ({ when: when.text, goto: namesOf(goto) })),
        default: namesOf(v.default),
      }),
    },
  ),

  kind(
    'sub_workflow',
    'Runs another workflow and waits for it.',
    {
      workflow: required(workflowReference(), '`name` or `project/name`.'),
      params: { ...params, doc: 'Parameters given to the other workflow.' },
      version: defaulted(
        either(oneOf(['latest']), integer(1, Number.MAX_SAFE_INTEGER), (value) => typeof value === 'number'),
        'latest',
        '`latest` or the number of a version.',
      ),
    },
    { build: (v) => ({ type: 'sub_workflow', workflow: v.workflow, params: v.params, version: v.version }) },
  ),

  kind(
    'dependent',
    'Waits for other workflows or their tasks in a window of time.',
    {
      upstream: required(
        tree(
          'upstreamCondition',
          'a condition: `{and: […]}`, `{or: […]}` or `{workflow, task, window}`',
          {
            workflow: required(workflowReference(), '`name` or `project/name`.'),
            task: optional(name(), 'One task of it; by default the whole workflow.'),
            window: required(
              text({ expected: WINDOW_EXPECTED, pattern: WINDOW_PATTERN }),
              'In which time it must have ended: `today`, `last1Days`, `thisWeek`, `lastMonth`, `currentHour`, …',
            ),
          },
          ({ workflow, task, window }) => ({ workflow, task, window }),
        ),
        'What is waited for: `{and: [...]}` or `{or: [...]}` of `{workflow, task, window}` or of further such maps.',
      ),
      checkInterval: defaulted(duration(1000, 86_400_000), 10_000, 'How often to look again.', '10s'),
      maxWait: optional(duration(1000, 366 * 86_400_000), 'After which time to give up.'),
      onFailure: defaulted(
        oneOf(['fail', 'wait']),
        'fail',
        'When what is waited for has failed: fail too, or wait for it to be run again.',
      ),
    },
    {
      build: (v) => ({
        type: 'dependent',
        upstream: plainUpstream(v.upstream),
        checkIntervalMs: v.checkInterval,
        maxWaitMs: v.maxWait,
        onFailure: v.onFailure,
      }),
    },
  ),
];

function inspectScript(
  values: { run: string | null | undefined; substitution: 'env' | 'text' | undefined },
  members: Map<string, Member>,
  _place: Place,
  log: ProblemLog,
): void {
  const at = members.get('run')?.place;
  if (typeof values.run === 'string' && at)
    isGoodTemplate(values.run, values.substitution === 'text' ? 'value' : 'script', at, log);
  const substitutionAt = members.get('substitution')?.place;
  if (values.substitution === 'text' && substitutionAt)
    log.warning(
      substitutionAt,
      '`substitution: text` lets a value become part of the script, so a value can inject commands',
    );
}

function checkTemplatesIn(value: unknown, place: Place, log: ProblemLog): void {
  if (typeof value === 'string') isGoodTemplate(value, 'bound', place, log);
  else if (Array.isArray(value))
    for (const [index, item] of value.entries()) checkTemplatesIn(item, inside(place, index), log);
  else if (isMap(value))
    for (const [key, item] of Object.entries(value)) checkTemplatesIn(item, inside(place, key), log);
}
