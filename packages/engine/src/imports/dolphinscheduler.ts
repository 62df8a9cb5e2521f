/**
 * Workflows that Apache DolphinScheduler exported as workflows here. A pure function of the files' text and of what was imported before, so that
 * importing again saves new versions of the same ones. Every task, relation, parameter and field is a row of the report; codes stay in labels and
 * in `extras.dolphinscheduler`, and whatever names another thing by its code names it by name.
 */
import { LIMITS } from '@pelorus/protocol';
import { checkedWorkflow } from './checked-workflow.ts';
import { cycleIn, waitsFor, type Predecessors } from './dss-edges.ts';
import { isOldScheduleKey, readDsFile, type DsSource, type DsTask, type DsWorkflow } from './dolphinscheduler-file.ts';
import type { DsGraph, DsReferences } from './dolphinscheduler-logic.ts';
import { scheduleKeys } from './dolphinscheduler-schedule.ts';
import { dsTaskKeys, timeoutOf, type DsNames } from './dolphinscheduler-task.ts';
import { readProperties, type DsConstants } from './dolphinscheduler-text.ts';
import { asMap, byteLength, jsonText, shown, storableText, textOf } from './foreign-json.ts';
import { asName, freeName, uniqueNames } from './names.ts';
import { ReportLog, type ImportedWorkflow, type ImportProblem, type ImportResult } from './report.ts';

export interface DsOptions extends Partial<DsNames> {
  /** Null: the command says. */
  project: string | null;
  /** The zone of schedules that name none. */
  timezone: string;
  /** Workflows that were imported before, by their code. */
  known?: ReadonlyMap<string, string>;
  /** Whether a resource lies beside the import. */
  hasFile?: (name: string) => boolean;
}

/** Files that belong together: sub-workflows and dependent tasks are looked for in all of them. Never throws. */
export function importDolphinScheduler(sources: readonly DsSource[], options: DsOptions): ImportResult {
  const read = sources.map(readDsFile);
  const problems = read.flatMap((one) => one.problems);
  const set = workflowSet(
    read.flatMap(({ workflows }) => workflows),
    options.known ?? new Map<string, string>(),
  );
  const made = new Map<number, ImportedWorkflow>();
  const report = set.workflows.flatMap((named, index) => {
    const log = new ReportLog(set.workflows.length > 1 ? `${named.name}: ` : '');
    const result = importWorkflow(named, set, options, log);
    if ('workflow' in result) made.set(index, result.workflow);
    else problems.push(...result.problems);
    return log.rows();
  });
  const children = set.workflows.map(childrenOf(set));
  const cycle = cycleIn(children);
  if (cycle !== null) {
    const names = cycle.toReversed().map((index) => set.workflows[index]?.name ?? '');
    problems.push({ item: names[0] ?? '', message: `workflows run one another without end: ${names.join(' → ')}` });
  }
  return { workflows: childrenFirst(children, made), report, problems };
}

// ---- all workflows together

interface NamedWorkflow {
  from: DsWorkflow;
  name: string;
  taskNames: string[];
  /** Name of a task by its code or its name in the file. */
  taskByKey: Map<string, string>;
}

interface WorkflowSet {
  workflows: NamedWorkflow[];
  byCode: Map<string, number>;
  byName: Map<string, number>;
  known: ReadonlyMap<string, string>;
  /** Names of workflows that sub-workflow tasks mean and that are not here, by their number. */
  missing: Map<string, string>;
  used: Set<string>;
}

function workflowSet(workflows: DsWorkflow[], known: ReadonlyMap<string, string>): WorkflowSet {
  const kept = workflows.map(({ code }) => (code === null ? undefined : known.get(code)));
  const taken = new Set(kept.filter((name) => name !== undefined));
  const fresh = uniqueNames(
    workflows.map(({ name }, index) => (kept[index] === undefined ? name : '')),
    'workflow',
    taken,
  );
  const named = workflows.map((from, index): NamedWorkflow => {
    const taskNames = uniqueNames(
      from.tasks.map(({ name }) => name),
      'task',
    );
    const taskByKey = new Map<string, string>();
    for (const key of ['key', 'code', 'name'] as const)
      for (const [position, task] of from.tasks.entries()) {
        const text = task[key];
        if (text !== null && text !== '' && !taskByKey.has(text)) taskByKey.set(text, taskNames[position] ?? '');
      }
    return { from, name: kept[index] ?? fresh[index] ?? 'workflow', taskNames, taskByKey };
  });
  const set: WorkflowSet = {
    workflows: named,
    byCode: new Map(),
    byName: new Map(),
    known,
    missing: new Map(),
    used: new Set(named.map(({ name }) => name)),
  };
  for (const [index, { from, name }] of named.entries()) {
    for (const code of [from.code, from.id]) if (code !== null && !set.byCode.has(code)) set.byCode.set(code, index);
    for (const one of [from.name, name]) if (one !== '' && !set.byName.has(one)) set.byName.set(one, index);
  }
  return set;
}

const SUB_TYPES = new Set(['SUB_PROCESS', 'SUB_WORKFLOW']);

function childCode({ params }: DsTask): string | null {
  return (
    textOf(
      params['workflowDefinitionCode'] ?? params['processDefinitionCode'] ?? params['processDefinitionId'],
    )?.trim() ?? null
  );
}

function childrenOf(set: WorkflowSet) {
  return ({ from }: NamedWorkflow): Set<number> =>
    new Set(
      from.tasks.flatMap((task) => (SUB_TYPES.has(task.type) ? (set.byCode.get(childCode(task) ?? '') ?? []) : [])),
    );
}

/** In the order of the file but for children, which come before those that run them. */
function childrenFirst(children: Predecessors, made: ReadonlyMap<number, ImportedWorkflow>): ImportedWorkflow[] {
  const ordered = new Set<number>();
  const entered = new Set<number>();
  const left = [...children.keys()].toReversed().map((workflow) => ({ workflow, isDone: false }));
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next.isDone) ordered.add(next.workflow);
    else if (!entered.has(next.workflow)) {
      entered.add(next.workflow);
      left.push({ workflow: next.workflow, isDone: true });
      for (const child of children[next.workflow] ?? []) left.push({ workflow: child, isDone: false });
    }
  }
  return [...ordered].flatMap((workflow) => made.get(workflow) ?? []);
}

function subWorkflowOf(task: DsTask, taskName: string, set: WorkflowSet): { name: string; why: string | null } {
  const code = childCode(task);
  const here = set.workflows[set.byCode.get(code ?? '') ?? -1]?.name ?? set.known.get(code ?? '');
  if (here !== undefined) return { name: here, why: null };
  const key = code ?? `task ${task.name}`;
  let name = set.missing.get(key);
  if (name === undefined) {
    name = freeName(asName(task.name) || taskName, set.used);
    set.used.add(name);
    set.missing.set(key, name);
  }
  return { name, why: `workflow ${shown(code ?? '?')} is not in the file: import it under the name ${name}` };
}

function referencesOf(set: WorkflowSet): DsReferences {
  return {
    workflow: (code, name) => {
      const index = set.byCode.get(code ?? '') ?? set.byName.get(name ?? '');
      const found = index === undefined ? undefined : set.workflows[index];
      if (found !== undefined) return { name: found.name, taskName: (key) => found.taskByKey.get(key) ?? null };
      const before = set.known.get(code ?? '');
      // Which task has which code is not known of what was imported before.
      return before === undefined ? null : { name: before, taskName: () => null };
    },
  };
}

// ---- one workflow

type Made = { workflow: ImportedWorkflow } | { problems: ImportProblem[] };

function importWorkflow(named: NamedWorkflow, set: WorkflowSet, options: DsOptions, log: ReportLog): Made {
  const { from, name, taskNames } = named;
  reportWorkflow(named, log);
  if (from.tasks.length === 0) return refusal(name, 'the workflow has no tasks');
  if (from.tasks.length > LIMITS.tasksPerWorkflow)
    return refusal(name, `it has more than ${LIMITS.tasksPerWorkflow} tasks`);
  const needs = readRelations(named, log);
  const cycle = cycleIn(needs);
  if (cycle !== null) {
    const names = cycle.map((index) => taskNames[index] ?? '').join(' → ');
    return refusal(name, `the relations run in a circle: ${names}`);
  }
  const constants: DsConstants = {
    ...(from.code === null ? {} : { 'system.workflow.definition.code': from.code }),
    ...(from.project.code === null ? {} : { 'system.project.code': from.project.code }),
  };
  const globals = readProperties(from.globals, 'global parameter', constants, (item, outcome, to, why) =>
    log.add(item, outcome, to, why),
  );
  const names: DsNames = {
    connections: options.connections ?? new Map<string, string>(),
    environments: options.environments ?? new Map<string, string>(),
    taskGroups: options.taskGroups ?? new Map<string, string>(),
  };
  const graph = graphOf(named, needs, log);
  const keys = from.tasks.map((task, index) =>
    dsTaskKeys({
      task,
      name: taskNames[index] ?? 'task',
      globals: globals.values,
      constants,
      graph,
      references: referencesOf(set),
      subWorkflow: SUB_TYPES.has(task.type)
        ? subWorkflowOf(task, taskNames[index] ?? 'task', set)
        : { name: '', why: null },
      names,
      hasFile: options.hasFile ?? (() => false),
      log,
    }),
  );
  const tasks = keys.map(({ type, ...rest }, index): [string, Record<string, unknown>] => {
    const before = [...(needs[index] ?? [])].map((position) => taskNames[position] ?? '');
    return [taskNames[index] ?? '', before.length === 0 ? { type, ...rest } : { type, needs: before, ...rest }];
  });
  return checkedWorkflow({
    name,
    ...(options.project === null ? {} : { project: options.project }),
    ...(from.description === '' || byteLength(from.description) > LIMITS.definitionFieldBytes
      ? {}
      : { description: from.description }),
    labels: labelsOf(from, log),
    parameterMode: 'lenient',
    ...concurrencyOf(from, log),
    ...runTimeout(from, log),
    ...(Object.keys(globals.params).length === 0 ? {} : { params: globals.params }),
    ...scheduleKeys(from.schedule, { timezone: options.timezone, names, log }),
    tasks: Object.fromEntries(tasks),
  });
}

function refusal(item: string, message: string): { problems: ImportProblem[] } {
  return { problems: [{ item, message }] };
}

function reportWorkflow({ from, name }: NamedWorkflow, log: ReportLog): void {
  const isSame = from.name === name;
  log.add(
    `workflow ${shown(from.name || from.file)}`,
    isSame ? 'mapped' : 'changed',
    `workflow ${name}`,
    isSame ? null : 'another name',
  );
  if (from.strange > 0)
    log.add(`${from.strange} entries of the list of tasks`, 'unsupported', null, 'they are no tasks');
}

function readRelations({ from, taskNames }: NamedWorkflow, log: ReportLog): Predecessors {
  const positions = new Map<string, number>();
  for (const [index, { key }] of from.tasks.entries()) if (!positions.has(key)) positions.set(key, index);
  const needs: Predecessors = from.tasks.map(() => new Set());
  let mapped = 0;
  for (const { from: before, to } of from.relations) {
    const [source, target] = [positions.get(before), positions.get(to)];
    if (source === undefined || target === undefined)
      log.add(`relation ${shown(before)} → ${shown(to)}`, 'unsupported', null, 'one of its tasks is not there');
    else if (source === target)
      log.add(`relation ${shown(before)} → ${shown(to)}`, 'unsupported', null, 'a task does not wait for itself');
    else if (needs[target]?.has(source))
      log.tally(taskNames[target] ?? '', 'relation that is there twice', 'mapped', 'needs', 'once is enough');
    else {
      needs[target]?.add(source);
      mapped += 1;
    }
  }
  if (mapped > 0) log.add(`${mapped} ${mapped === 1 ? 'relation' : 'relations'}`, 'mapped', 'needs');
  return needs;
}

function graphOf({ taskNames, taskByKey }: NamedWorkflow, needs: Predecessors, log: ReportLog): DsGraph {
  const positions = new Map(taskNames.map((name, index) => [name, index]));
  return {
    nameOf: (key) => taskByKey.get(key) ?? null,
    connect: (from, to) => {
      const [source, target] = [positions.get(from), positions.get(to)];
      if (source === undefined || target === undefined) return false;
      if (needs[target]?.has(source)) return true;
      if (waitsFor(needs, source, target)) return false;
      needs[target]?.add(source);
      log.tally(
        to,
        'relation that was missing',
        'changed',
        `needs: ${from}`,
        'a task that decides and those that it is about are connected',
      );
      return true;
    },
  };
}

const CONCURRENCY = new Set(['SERIAL_WAIT', 'SERIAL_DISCARD', 'SERIAL_PRIORITY']);

function concurrencyOf({ executionType }: DsWorkflow, log: ReportLog): Record<string, unknown> {
  const type = executionType?.toUpperCase() ?? '';
  if (!CONCURRENCY.has(type)) return {};
  log.add('field executionType', 'mapped', `concurrency: ${type.toLowerCase()}`);
  return { concurrency: type.toLowerCase() };
}

/** Without one runs may take as long as they like there; with one, they warn. */
function runTimeout({ timeoutMinutes }: DsWorkflow, log: ReportLog): Record<string, unknown> {
  if (timeoutMinutes > 0) log.add('field timeout', 'mapped', 'timeout');
  return timeoutOf({ minutes: timeoutMinutes > 0 ? timeoutMinutes : 366 * 24 * 60, strategy: 'WARN' });
}

// ---- labels

const LABEL_BYTES = 1000;
/** Told elsewhere, or without a meaning outside of the server that wrote them. */
const SILENT = new Set(
  'id code name version description projectCode projectName globalParams globalParamList globalParamMap timeout executionType userId userName createTime updateTime modifyBy operator taskDefinitionJson taskRelationJson scheduleReleaseState processDefinitionName processDefinitionDescription processDefinitionId schedule'.split(
    ' ',
  ),
);
const NO_MEANING: Readonly<Record<string, string>> = {
  locations: 'only drawn; the graph is laid out anew',
  processDefinitionLocations: 'only drawn; the graph is laid out anew',
  processDefinitionConnects: 'only drawn; the graph is laid out anew',
  tenantId: 'tasks run as the user of their worker',
  tenantCode: 'tasks run as the user of their worker',
  warningGroupId: 'who is told is said by `notify.to`',
  releaseState: 'workflows can be started; their schedules are offline',
  flag: 'it has no effect',
};

/** Where the workflow comes from. */
function labelsOf(from: DsWorkflow, log: ReportLog): Record<string, string> {
  const labels: [string, string | null][] = [
    ['dolphinscheduler.code', from.code],
    ['dolphinscheduler.name', from.name],
    ['dolphinscheduler.project', from.project.name],
    ['dolphinscheduler.projectCode', from.project.code],
    ['dolphinscheduler.version', from.version],
    ['dolphinscheduler.file', from.file],
  ];
  for (const [field, value] of Object.entries(from.record)) {
    if (SILENT.has(field) || isOldScheduleKey(field)) continue;
    const text = asMap(value) !== null || Array.isArray(value) ? jsonText(value) : textOf(value);
    if (text === null || text === '[]' || text === '{}') continue;
    log.add(`field ${shown(field)}`, 'unsupported', null, NO_MEANING[field] ?? `it means nothing here: ${shown(text)}`);
  }
  return Object.fromEntries(
    labels.flatMap(([name, text]) => {
      const good = storableText(text ?? '');
      return good === '' || byteLength(good) > LABEL_BYTES ? [] : [[name, good]];
    }),
  );
}
