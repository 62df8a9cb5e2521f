/** One task: the keys that every task has, those of its type, and `defaults` under both. */
import { LIMITS } from '../limits.ts';
import { problemPhrase } from '../problem-phrases.ts';
import { PRIORITIES } from '../states.ts';
import { TRIGGER_RULES, type RetrySpec, type TaskDefinition, type TaskType, type TimeoutSpec } from '../workflow.ts';
import {
  fileName,
  taskReferences,
  VARIABLE_NAME_PATTERN,
  WORKER_GROUP_PATTERN,
  wrongVariableName,
  type TaskReference,
} from './names.ts';
import { didYouMean } from './nearest.ts';
import { called, shorten, type Place } from './place.ts';
import type { ProblemLog } from './problem-log.ts';
import { isMap, membersOf, mismatch, overlaid, Overlay, type Member } from './members.ts';
import {
  boolean,
  defaulted,
  duration,
  either,
  integer,
  json,
  list,
  mapped,
  named,
  object,
  objectSchema,
  oneOf,
  optional,
  readFields,
  record,
  required,
  text,
  textual,
  wholeOf,
  type Fields,
  type Shape,
  type Whole,
} from './shape.ts';
import { unknownKey } from './unknown-key.ts';
import { declaredOutputs, params, TASK_KINDS, type Links, type TaskKind } from './task-kinds.ts';

const DAY_MS = 86_400_000;

/** A duration, which fails the run or task, or `{after, action}`. */
export function timeout(): Shape<TimeoutSpec> {
  return either(
    mapped(duration(1, LIMITS.runTimeoutMaxMs), (afterMs): TimeoutSpec => ({ afterMs, action: 'fail' })),
    object(
      'a map with `after` and `action`',
      {
        after: required(duration(1, LIMITS.runTimeoutMaxMs), 'How long it may take.'),
        action: defaulted(oneOf(['fail', 'warn', 'warn_and_fail']), 'fail', 'What happens then.'),
      },
      ({ after, action }): TimeoutSpec => ({ afterMs: after, action }),
    ),
    (value) => isMap(value) || value instanceof Overlay,
  );
}

const DEFAULT_MAX_INTERVAL_MS = 3_600_000;
const NO_RETRY: RetrySpec = { max: 0, intervalMs: 60_000, backoff: 'fixed', maxIntervalMs: DEFAULT_MAX_INTERVAL_MS };

const retry: Shape<RetrySpec> = object(
  'a map such as `{max: 3, interval: 60s}`',
  {
    max: defaulted(integer(0, LIMITS.retryMax), 0, 'How many further attempts a failure gets.'),
    interval: defaulted(duration(0, 7 * DAY_MS), 60_000, 'Time before the next attempt.', '60s'),
    backoff: defaulted(
      oneOf(['fixed', 'exponential']),
      'fixed',
      '`exponential`: the interval doubles with each attempt.',
    ),
    maxInterval: optional(
      duration(0, 7 * DAY_MS),
      'The longest interval of `exponential`; by default 1h, or `interval` if that is longer.',
    ),
  },
  ({ max, interval, backoff, maxInterval }, place, log, members): RetrySpec | undefined => {
    if (maxInterval !== null && maxInterval < interval) {
      return log.problem(members.get('maxInterval')?.place ?? place, '`maxInterval` is shorter than `interval`');
    }
    return {
      max,
      intervalMs: interval,
      backoff,
      maxIntervalMs: maxInterval ?? Math.max(DEFAULT_MAX_INTERVAL_MS, interval),
    };
  },
);

const taskGroup = object(
  'a map with `name`',
  {
    name: required(text({ maxBytes: 1000 }), 'The group.'),
    weight: defaulted(integer(1, 1_000_000), 1, 'Slots of the group that the task takes.'),
    priority: defaulted(
      integer(-1_000_000, 1_000_000),
      0,
      'Who of those that wait gets a slot first: the higher number.',
    ),
  },
  ({ name: group, weight, priority }) => ({ name: group, weight, priority }),
);

/** Keys of every task, whatever its type; `type` itself is read first. */
export const COMMON_FIELDS = {
  description: defaulted(text({ empty: true }), '', 'What the task is for.'),
  needs: defaulted(named('taskNames', taskReferences()), [], 'Its predecessors.'),
  trigger: defaulted(oneOf(TRIGGER_RULES), 'all_success', 'What its predecessors must have come to for it to start.'),
  disabled: defaulted(boolean(), false, 'Skipped and passed through.'),
  params,
  env: defaulted(
    named(
      'variables',
      record(textual({ template: 'value', maxBytes: LIMITS.parameterBytes }), {
        expected: 'a map of variable names to values',
        keyExpected: 'the name of an environment variable',
        keyPattern: VARIABLE_NAME_PATTERN,
        checkKey: wrongVariableName,
      }),
    ),
    {},
    'Environment variables: name → value.',
  ),
  retry: defaulted(named('retry', retry), NO_RETRY, 'Further attempts after a failure.', { max: 0 }),
  timeout: optional(named('timeout', timeout()), 'How long one attempt may take: a duration, or `{after, action}`.'),
  delay: defaulted(duration(0, LIMITS.runTimeoutMaxMs), 0, 'Holds the task back for this time once it is ready.', 0),
  priority: optional(oneOf(PRIORITIES), 'Inherited from the run.'),
  workerGroup: optional(
    text({ expected: 'the name of a worker group', pattern: WORKER_GROUP_PATTERN }),
    'Which workers may run it; inherited from the run.',
  ),
  environment: optional(text({ maxBytes: 1000 }), 'A stored environment it runs in; inherited from the run.'),
  runAs: optional(text({ maxBytes: 1000 }), 'The system user it runs as; inherited from the run.'),
  taskGroup: optional(
    named(
      'taskGroup',
      either(
        mapped(text({ maxBytes: 1000 }), (name) => ({ name, weight: 1, priority: 0 })),
        taskGroup,
        (value) => isMap(value) || value instanceof Overlay,
      ),
    ),
    'Limits how many tasks of one group run at a time, across runs: the name of the group, or `{name, weight, priority}`.',
  ),
  onWorkerLost: defaulted(
    oneOf(['rerun', 'fail', 'wait']),
    'rerun',
    'What happens to an attempt whose worker is lost.',
  ),
  dispatchTimeout: optional(duration(1, LIMITS.runTimeoutMaxMs), 'How long it may wait for a worker before it fails.'),
  executionLease: optional(
    duration(LIMITS.executionLeaseMinMs, LIMITS.executionLeaseMaxMs),
    'How long its worker may go on without hearing from a master before it must end the attempt; by default 60s.',
  ),
  files: defaulted(
    list(fileName(), { expected: 'a list of file names', unique: true, max: 10_000 }),
    [],
    'Files placed in its work directory.',
  ),
  outputs: defaulted(named('outputs', declaredOutputs), {}, 'Output name → type; undeclared outputs are kept as text.'),
  extras: defaulted(json(), null, 'Any value, given back in answers.'),
} as const;

const COMMON_KEYS = Object.keys(COMMON_FIELDS);
const KIND_BY_TYPE: ReadonlyMap<string, TaskKind> = new Map(TASK_KINDS.map((kind) => [kind.type, kind]));
/** Keys of every task and of the type; those of the type win. */
const FIELDS_BY_TYPE: ReadonlyMap<TaskType, Fields> = new Map(
  TASK_KINDS.map(({ type, fields }) => [type, { ...COMMON_FIELDS, ...fields }]),
);
export const TASK_TYPES: readonly TaskType[] = TASK_KINDS.map(({ type }) => type);
const TYPES_BY_KEY = typesByKey();
/** Every key that some task may have. */
const ALL_KEYS = ['type', ...COMMON_KEYS, ...[...TYPES_BY_KEY.keys()].filter((key) => !COMMON_KEYS.includes(key))];

function typesByKey(): Map<string, TaskType[]> {
  const types = new Map<string, TaskType[]>();
  for (const { type, fields } of TASK_KINDS) {
    for (const key of Object.keys(fields)) types.set(key, [...(types.get(key) ?? []), type]);
  }
  return types;
}

/** One task as far as it could be read: enough to check the graph even when something in it was refused. */
export interface ReadTask {
  name: string;
  place: Place;
  /** Null when `needs` could not be read. */
  needs: TaskReference[] | null;
  links: Links;
  /** Null when something in it was refused. */
  definition: TaskDefinition | null;
}

interface TaskContext {
  /** Put under the task's own keys. */
  defaults: Map<string, Member> | null;
  /** Further names of keys, for suggestions. */
  otherNames: readonly string[];
}

/** Reads a task from its keys. */
export function readTask(
  taskName: string,
  place: Place,
  written: Map<string, Member>,
  { defaults, otherNames }: TaskContext,
  log: ProblemLog,
): ReadTask {
  const kind = kindOf(written, defaults, place, log);
  const members = defaults === null ? written : withDefaults(written, defaults, kind);
  refuseUnknownKeys(members, kind, otherNames, log);
  if (kind?.runOrFile) checkRunOrFile(kind.type, members, place, log);
  const fields = kind === null ? COMMON_FIELDS : (FIELDS_BY_TYPE.get(kind.type) ?? COMMON_FIELDS);
  const values = readFields(fields, members, place, log);
  const links = kind?.inspect(values, members, place, log) ?? { targets: [], conditions: [] };
  const whole = wholeOf(values);
  return {
    name: taskName,
    place,
    // `needs` is read by the shape that COMMON_FIELDS names.
    needs: (values['needs'] as TaskReference[] | undefined) ?? null,
    links,
    definition: whole === null || kind === null ? null : definitionOf(taskName, kind, whole),
  };
}

function definitionOf(taskName: string, kind: TaskKind, values: Whole<Fields>): TaskDefinition {
  // Every key of COMMON_FIELDS was read by its shape, except those that the type reads its own way.
  const common = values as Whole<typeof COMMON_FIELDS>;
  return {
    name: taskName,
    description: common.description,
    needs: common.needs.map((need) => need.name),
    trigger: common.trigger,
    disabled: common.disabled,
    params: 'params' in kind.fields ? {} : common.params,
    env: common.env,
    retry: common.retry,
    timeout: common.timeout,
    delayMs: common.delay,
    priority: common.priority,
    workerGroup: common.workerGroup,
    environment: common.environment,
    runAs: common.runAs,
    taskGroup: common.taskGroup,
    onWorkerLost: common.onWorkerLost,
    dispatchTimeoutMs: common.dispatchTimeout,
    ...(common.executionLease !== null && { executionLeaseMs: common.executionLease }),
    files: common.files,
    outputs: 'outputs' in kind.fields ? {} : common.outputs,
    extras: common.extras,
    action: kind.build(values),
  };
}

const TYPES_LISTED = TASK_TYPES.map((one) => `\`${one}\``).join(', ');

function kindOf(
  written: Map<string, Member>,
  defaults: Map<string, Member> | null,
  place: Place,
  log: ProblemLog,
): TaskKind | null {
  const type = written.get('type');
  if (type === undefined) {
    if (written.has('run') || (defaults?.has('run') && !written.has('file'))) return KIND_BY_TYPE.get('shell') ?? null;
    log.problem(place, problemPhrase('no_type', { place: called(place), types: TYPES_LISTED }), 'key');
    return null;
  }
  if (typeof type.value !== 'string') {
    mismatch(type.place, 'a task type', type.value, log);
    return null;
  }
  const kind = KIND_BY_TYPE.get(type.value);
  if (kind !== undefined) return kind;
  const hint = didYouMean(type.value, TASK_TYPES);
  log.problem(
    type.place,
    hint === ''
      ? problemPhrase('unknown_task_type', { type: shorten(type.value), types: TYPES_LISTED })
      : problemPhrase('only_unknown_task_type', { type: shorten(type.value) }) + hint,
  );
  return null;
}

/** Keys of `defaults` that another type than the task's knows do not reach it; nor does `run` reach a task with `file`. */
function withDefaults(
  written: Map<string, Member>,
  defaults: Map<string, Member>,
  kind: TaskKind | null,
): Map<string, Member> {
  const members = new Map(written);
  for (const [key, under] of defaults) {
    const over = written.get(key);
    if (over !== undefined) members.set(key, isOwnMeaning(key, kind) ? over : overlaid(over, under));
    else if (reaches(key, written, kind)) members.set(key, under);
  }
  return members;
}

function reaches(key: string, written: Map<string, Member>, kind: TaskKind | null): boolean {
  if (isOwnMeaning(key, kind)) return false;
  if ((key === 'run' && written.has('file')) || (key === 'file' && written.has('run'))) return false;
  return COMMON_KEYS.includes(key) || (kind !== null && Object.hasOwn(kind.fields, key));
}

/** `outputs` of http tasks are JSON paths, while those of `defaults` are types. */
function isOwnMeaning(key: string, kind: TaskKind | null): boolean {
  return key === 'outputs' && kind !== null && 'outputs' in kind.fields;
}

function refuseUnknownKeys(
  members: Map<string, Member>,
  kind: TaskKind | null,
  otherNames: readonly string[],
  log: ProblemLog,
): void {
  for (const [key, member] of members) {
    if (key === 'type' || Object.hasOwn(COMMON_FIELDS, key) || (kind !== null && Object.hasOwn(kind.fields, key)))
      continue;
    const types = TYPES_BY_KEY.get(key);
    if (types === undefined)
      unknownKey(
        key,
        member.place,
        [...(kind === null ? ALL_KEYS : ['type', ...COMMON_KEYS, ...Object.keys(kind.fields)]), ...otherNames],
        log,
      );
    else if (kind !== null)
      log.problem(
        member.place,
        problemPhrase('key_of_others', { key, types: types.join(', '), type: kind.type }),
        'key',
      );
  }
}

function checkRunOrFile(type: TaskType, members: Map<string, Member>, place: Place, log: ProblemLog): void {
  const file = members.get('file');
  if (members.has('run') && file)
    log.problem(file.place, problemPhrase('run_and_file', { place: called(place), type }), 'key');
  if (!members.has('run') && !file)
    log.problem(place, problemPhrase('neither_run_nor_file', { place: called(place), type }), 'key');
}

const DEFAULT_FIELDS: Fields = Object.fromEntries(
  [...TASK_KINDS.flatMap(({ fields }) => Object.entries(fields)), ...Object.entries(COMMON_FIELDS)]
    .filter(([key]) => key !== 'needs')
    .map(([key, field]) => [key, { ...field, required: false }]),
);
/** `defaults`: checked by itself, then put under each task. */
export const taskDefaults: Shape<Map<string, Member>> = {
  schema: { ...objectSchema(DEFAULT_FIELDS), not: { required: ['run', 'file'] } },
  expected: 'a map of task keys',
  read(value, place, log) {
    const members = membersOf(value, place);
    if (members === null) return mismatch(place, 'a map of task keys', value, log);
    if (members.has('run') && members.has('file'))
      log.problem(place, '`defaults` has `run` and `file`; a task has one of them', 'key');
    for (const [key, member] of members) {
      if (key === 'type' || key === 'needs') log.problem(member.place, `\`${key}\` cannot have a default`, 'key');
      else if (!Object.hasOwn(DEFAULT_FIELDS, key)) unknownKey(key, member.place, Object.keys(DEFAULT_FIELDS), log);
    }
    readFields(DEFAULT_FIELDS, members, place, log);
    return new Map([...members].filter(([key]) => Object.hasOwn(DEFAULT_FIELDS, key)));
  },
};
