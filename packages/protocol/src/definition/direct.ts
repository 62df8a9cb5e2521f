/**
 * The published form of a definition, in which runs are given directly and in which `GET /executors/:id` answers:
 * `{"nodes": [{name, desc, type, parameter, dep, extras}], "userDefParams": [{prop, value}]}`.
 * Types are upper case, `parameter` holds the task's other keys, `script` is `run` and `resources` is `files`.
 */
import type {
  ParameterDeclaration,
  TaskAction,
  TaskDefinition,
  UpstreamCondition,
  WorkflowDefinition,
} from '../workflow.ts';
import { formatDuration } from './duration.ts';
import { fromText, fromValue, type DefinitionOptions, type ParsedDefinition } from './parse.ts';
import { called, inside, ROOT, shorten, type Place } from './place.ts';
import type { ProblemLog } from './problem-log.ts';
import { Assembled, membersOf, mismatch, type Member } from './members.ts';
import { refuseUnknown, unknownKey } from './unknown-key.ts';
import { readTask, type ReadTask } from './task-shape.ts';
import { assemble, isTaskCount, isTaskName, type ReadTasks } from './workflow-shape.ts';

export interface PublishedNode {
  name: string;
  desc: string;
  /** Upper case. */
  type: string;
  parameter: Record<string, unknown>;
  dep: string[];
  extras: unknown;
}
export interface PublishedNodes {
  nodes: PublishedNode[];
  userDefParams: { prop: string; value: unknown }[];
}

/**
 * Reads the published form, as JSON text (problems then have lines and columns) or as a value that was parsed already.
 * Pointers of problems refer to that form. It has no name in it: `workflowName` is the name, empty when not given. Never throws.
 */
export function parseDirectDefinition(source: unknown, options: DefinitionOptions = {}): ParsedDefinition {
  const named = { workflowName: '', ...options };
  if (typeof source === 'string')
    return fromText(source, 'json', options, (value, log) => readDirect(value, named, log));
  return fromValue(options, (log) => readDirect(source, named, log));
}

function readDirect(value: unknown, options: DefinitionOptions, log: ProblemLog): WorkflowDefinition | null {
  const members = membersOf(value, ROOT);
  if (members === null) {
    mismatch(ROOT, 'a map with `nodes`', value, log);
    return null;
  }
  refuseUnknown(members, ['nodes', 'userDefParams'], log);
  const params = declaredParameters(members.get('userDefParams'), log);
  return assemble(
    new Map(params === null ? [] : [['params', params]]),
    ROOT,
    readNodes(members.get('nodes'), log),
    options,
    log,
  );
}

/** `[{prop, value}]` as the map that a definition file has; each name keeps the place where it was written. */
function declaredParameters(written: Member | undefined, log: ProblemLog): Member | null {
  if (written === undefined || written.value === null) return null;
  if (!Array.isArray(written.value)) {
    mismatch(written.place, 'a list of maps with `prop` and `value`', written.value, log);
    return null;
  }
  const members = new Map<string, Member>();
  for (const [index, item] of written.value.entries()) {
    const place = inside(written.place, index);
    const keys = membersOf(item, place);
    const prop = keys?.get('prop');
    if (keys === null) mismatch(place, 'a map with `prop` and `value`', item, log);
    else if (prop === undefined || !keys.has('value'))
      log.problem(place, `${called(place)} lacks \`${prop === undefined ? 'prop' : 'value'}\``);
    else if (typeof prop.value !== 'string') mismatch(prop.place, 'a parameter name', prop.value, log);
    else if (members.has(prop.value))
      log.problem(prop.place, `the parameter \`${shorten(prop.value)}\` is given twice`);
    else members.set(prop.value, { value: keys.get('value')?.value, place: inside(place, 'value') });
    if (keys) refuseUnknown(keys, ['prop', 'value'], log);
  }
  return { value: new Assembled(members), place: written.place };
}

const PUBLISHED_KEYS = ['name', 'desc', 'type', 'parameter', 'dep', 'extras'];
const NODE_KEYS = [...PUBLISHED_KEYS, 'description', 'needs'];
/** Published name → name in a definition file; both are read. */
const NODE_NAMES: Record<string, string> = { desc: 'description', dep: 'needs' };
const PARAMETER_NAMES: Record<string, string> = { script: 'run', resources: 'files' };

/** Keys of a task that do not belong into `parameter` → where they stand. */
const BESIDE: ReadonlyMap<string, string> = new Map([
  ['type', 'type'],
  ['needs', 'dep'],
  ['description', 'desc'],
  ['extras', 'extras'],
]);

function readNodes(written: Member | undefined, log: ProblemLog): ReadTasks {
  const names = new Set<string>();
  const read: ReadTask[] = [];
  if (written === undefined) log.problem(ROOT, 'the definition lacks `nodes`: a list of tasks');
  else if (!Array.isArray(written.value)) mismatch(written.place, 'a list of nodes', written.value, log);
  else if (isTaskCount(written.value.length, written.place, log)) {
    for (const [index, node] of written.value.entries()) {
      const task = readNode(node, inside(written.place, index), names, log);
      if (task !== null) read.push(task);
    }
  }
  return { read, names };
}

function readNode(node: unknown, place: Place, names: Set<string>, log: ProblemLog): ReadTask | null {
  const keys = membersOf(node, place);
  if (keys === null) {
    mismatch(place, 'a map', node, log);
    return null;
  }
  for (const [key, member] of keys) if (!NODE_KEYS.includes(key)) unknownKey(key, member.place, PUBLISHED_KEYS, log);
  const nodeName = keys.get('name');
  if (typeof nodeName?.value !== 'string') {
    if (nodeName === undefined) log.problem(place, `${called(place)} lacks \`name\``);
    else mismatch(nodeName.place, 'a task name', nodeName.value, log);
  } else if (names.has(nodeName.value))
    log.problem(nodeName.place, `two nodes have the name \`${shorten(nodeName.value)}\``);
  else isTaskName(nodeName.value, nodeName.place, log);

  const members = new Map<string, Member>();
  for (const [key, member] of keys) {
    if (
      key === 'name' ||
      key === 'parameter' ||
      !NODE_KEYS.includes(key) ||
      (member.value === null && key !== 'extras')
    )
      continue;
    put(members, NODE_NAMES[key] ?? key, key === 'type' ? lowerCase(member) : member, log);
  }
  for (const [key, member] of parametersOf(keys.get('parameter'), log))
    put(members, Object.hasOwn(PARAMETER_NAMES, key) ? (PARAMETER_NAMES[key] ?? key) : key, member, log);
  const task = readTask(
    typeof nodeName?.value === 'string' ? nodeName.value : '',
    place,
    members,
    { defaults: null, otherNames: Object.keys(PARAMETER_NAMES) },
    log,
  );
  if (typeof nodeName?.value !== 'string' || names.has(nodeName.value)) return null;
  names.add(nodeName.value);
  return task;
}

function parametersOf(parameter: Member | undefined, log: ProblemLog): Map<string, Member> {
  if (parameter === undefined || parameter.value === null) return new Map();
  const members = membersOf(parameter.value, parameter.place);
  if (members === null) {
    mismatch(parameter.place, 'a map', parameter.value, log);
    return new Map();
  }
  for (const [key, member] of members) {
    const beside = BESIDE.get(key);
    if (beside === undefined) continue;
    log.problem(member.place, `\`${key}\` stands beside \`parameter\`, as \`${beside}\``, 'key');
    members.delete(key);
  }
  return members;
}

function put(members: Map<string, Member>, key: string, member: Member, log: ProblemLog): void {
  if (members.has(key))
    log.problem(member.place, `${called(member.place)} and another key both give \`${key}\``, 'key');
  else members.set(key, member);
}

function lowerCase(type: Member): Member {
  return typeof type.value === 'string' ? { value: type.value.toLowerCase(), place: type.place } : type;
}

/** The published form of a definition: reading it again gives the same tasks and parameters. */
export function toPublishedNodes(definition: WorkflowDefinition): PublishedNodes {
  return {
    nodes: definition.tasks.map((task) => ({
      name: task.name,
      desc: task.description,
      type: task.action.type.toUpperCase(),
      parameter: { ...actionKeys(task.action), ...commonKeys(task) },
      dep: task.needs,
      extras: task.extras,
    })),
    userDefParams: Object.entries(definition.params).map(([prop, declared]) => ({
      prop,
      value: writtenDeclaration(declared),
    })),
  };
}

/** The value alone where that says everything. */
function writtenDeclaration({ type, default: value, enum: values, required }: ParameterDeclaration): unknown {
  const typeOfValue = typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value;
  if (value !== undefined && values === undefined && !required && typeOfValue === type) return value;
  return {
    type,
    ...(values === undefined ? {} : { enum: values }),
    ...(value === undefined ? {} : { default: value }),
    required,
  };
}

/** Durations in whole seconds where they are, as all durations of the published interface. */
function seconds(durationMs: number): number | string {
  return durationMs % 1000 === 0 ? durationMs / 1000 : formatDuration(durationMs);
}

/** Keys of every task that differ from their defaults. */
function commonKeys(task: TaskDefinition): Record<string, unknown> {
  const { retry, timeout } = task;
  const isRetried =
    retry.max !== 0 || retry.intervalMs !== 60_000 || retry.backoff !== 'fixed' || retry.maxIntervalMs !== 3_600_000;
  return given({
    trigger: task.trigger === 'all_success' ? null : task.trigger,
    disabled: task.disabled || null,
    params: filled(task.params),
    env: filled(task.env),
    retry: isRetried
      ? {
          max: retry.max,
          interval: seconds(retry.intervalMs),
          backoff: retry.backoff,
          maxInterval: seconds(retry.maxIntervalMs),
        }
      : null,
    timeout: timeout === null ? null : { after: seconds(timeout.afterMs), action: timeout.action },
    delay: task.delayMs === 0 ? null : seconds(task.delayMs),
    priority: task.priority,
    workerGroup: task.workerGroup,
    environment: task.environment,
    runAs: task.runAs,
    taskGroup: task.taskGroup,
    onWorkerLost: task.onWorkerLost === 'rerun' ? null : task.onWorkerLost,
    dispatchTimeout: task.dispatchTimeoutMs === null ? null : seconds(task.dispatchTimeoutMs),
    executionLease: task.executionLeaseMs === undefined ? null : seconds(task.executionLeaseMs),
    resources: filled(task.files),
    outputs: filled(task.outputs),
  });
}

function actionKeys(action: TaskAction): Record<string, unknown> {
  switch (action.type) {
    case 'shell':
      return given({ script: action.run, file: action.file, shell: action.shell, substitution: action.substitution });
    case 'python':
      return given({
        script: action.run,
        file: action.file,
        interpreter: action.interpreter,
        substitution: action.substitution,
      });
    case 'script':
      return given({ script: action.run, file: action.file });
    case 'http':
      return given({
        method: action.method,
        url: action.url,
        headers: filled(action.headers),
        body: action.body,
        expect: { status: action.expect.status, ...given({ body: action.expect.body }) },
        outputs: filled(action.extract),
      });
    case 'sql':
      return given({
        connection: action.connection,
        script: action.run,
        file: action.file,
        preStatements: filled(action.preStatements),
        postStatements: filled(action.postStatements),
        maxRows: action.maxRows,
        raw: filled(action.raw),
      });
    case 'virtual':
      return {};
    case 'conditions':
      return { when: action.when, success: action.success, failure: action.failure };
    case 'switch':
      return { cases: action.cases, default: action.default };
    case 'sub_workflow':
      return given({ workflow: action.workflow, params: filled(action.params), version: action.version });
    case 'dependent':
      return given({
        upstream: writtenUpstream(action.upstream),
        checkInterval: seconds(action.checkIntervalMs),
        maxWait: action.maxWaitMs === null ? null : seconds(action.maxWaitMs),
        onFailure: action.onFailure,
      });
  }
}

/** A leaf without a task has no `task` key when written. */
function writtenUpstream(condition: UpstreamCondition): unknown {
  if ('and' in condition) return { and: condition.and.map(writtenUpstream) };
  if ('or' in condition) return { or: condition.or.map(writtenUpstream) };
  return given(condition);
}

/** Without the keys that are null. */
function given(keys: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== null));
}

/** Null for an empty collection. */
function filled<T extends object>(collection: T): T | null {
  return Object.keys(collection).length === 0 ? null : collection;
}
