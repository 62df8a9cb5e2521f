/**
 * Apache DolphinScheduler JSON taken apart, whatever version wrote it. Three shapes are known:
 *
 * - 2.0 to 3.4: `{workflowDefinition, workflowTaskRelationList, taskDefinitionList, schedule}`, until 3.2 with `process` for `workflow`; exports hold a
 *   list of them, the API answers one as `data`.
 * - The form that creates a workflow: `{name, taskDefinitionJson, taskRelationJson, …}`.
 * - 1.x: `{processDefinitionName, processDefinitionJson, …}` with tasks that name their predecessors.
 */
import {
  asMap,
  idOf,
  jsonText,
  listOf,
  mapOf,
  parsed,
  shown,
  storableText,
  textOf,
  type Json,
} from './foreign-json.ts';
import type { ImportProblem } from './report.ts';

export interface DsSource {
  /** As a person calls it. */
  file: string;
  source: string;
}

export interface DsWorkflow {
  file: string;
  /** Null in 1.x, which has none. */
  code: string | null;
  /** Another number by which 1.x may name it. */
  id: string | null;
  name: string;
  project: { code: string | null; name: string | null };
  version: string | null;
  description: string;
  globals: Json[];
  /** 0: none. */
  timeoutMinutes: number;
  executionType: string | null;
  tasks: DsTask[];
  /** Keys of tasks; without those that begin at no task. */
  relations: { from: string; to: string }[];
  schedule: Json | null;
  /** What stood around tasks and relations. */
  record: Json;
  /** Entries of the list of tasks that are no tasks. */
  strange: number;
}

export interface DsTask {
  /** By which relations name it: its code, in 1.x its name. */
  key: string;
  code: string | null;
  name: string;
  /** In capitals. */
  type: string;
  params: Json;
  description: string;
  isForbidden: boolean;
  retries: number;
  retryMinutes: number;
  timeout: { minutes: number; strategy: string } | null;
  delayMinutes: number;
  priority: string | null;
  workerGroup: string | null;
  environmentCode: string | null;
  taskGroup: { id: string; priority: number } | null;
  raw: Json;
}

const WORKFLOWS_MAX = 10_000;

/** Every workflow of a file. Never throws. */
export function readDsFile({ file, source }: DsSource): { workflows: DsWorkflow[]; problems: ImportProblem[] } {
  const workflows: DsWorkflow[] = [];
  const problems: ImportProblem[] = [];
  const refuse = (message: string): void => void problems.push({ item: file, message });
  const value = parsed(source.replace(/^\u{feff}/u, ''));
  if (value === undefined) refuse(`${file} is not JSON`);
  const left: unknown[] = value === undefined ? [] : [value];
  for (let next = left.pop(); next !== undefined && problems.length === 0; next = left.pop()) {
    const map = asMap(next);
    if (Array.isArray(next))
      left.push(
        ...listOf(next)
          .slice(0, WORKFLOWS_MAX + 1)
          .toReversed(),
      );
    else if (map === null) refuse(`${file} holds something that is no workflow: ${shown(jsonText(next) ?? '?')}`);
    else readMap(map, { file, left, workflows, refuse });
    if (workflows.length > WORKFLOWS_MAX) refuse(`${file} holds more than ${WORKFLOWS_MAX} workflows`);
  }
  if (value !== undefined && workflows.length === 0 && problems.length === 0) refuse(`${file} holds no workflow`);
  return { workflows, problems };
}

interface Reading {
  file: string;
  left: unknown[];
  workflows: DsWorkflow[];
  refuse: (message: string) => void;
}

function readMap(map: Json, { file, left, workflows, refuse }: Reading): void {
  const definition = asMap(map['workflowDefinition'] ?? map['processDefinition']);
  if (definition !== null) workflows.push(modern(file, definition, map));
  else if (map['taskDefinitionJson'] !== undefined)
    workflows.push(
      modern(file, map, {
        taskDefinitionList: map['taskDefinitionJson'],
        taskRelationList: map['taskRelationJson'],
        schedule: map['schedule'],
      }),
    );
  else if (map['processDefinitionJson'] !== undefined) workflows.push(old(file, map));
  else if (map['data'] !== undefined) left.push(map['data']);
  else
    refuse(
      `${file}: ${shown(textOf(map['name']) ?? 'an entry', 40)} has no \`workflowDefinition\`, so it is no workflow of DolphinScheduler`,
    );
}

// ---- 2.0 to 3.4

const OWN_KEYS = new Set(['taskDefinitionJson', 'taskRelationJson', 'schedule']);

function modern(file: string, definition: Json, around: Json): DsWorkflow {
  const list = listOf(around['taskDefinitionList']);
  const raws = list.map(asMap).filter((map) => map !== null);
  const relations = listOf(
    around['workflowTaskRelationList'] ?? around['processTaskRelationList'] ?? around['taskRelationList'],
  ).map(mapOf);
  return {
    file,
    code: codeOf(definition['code']),
    id: codeOf(definition['id']),
    name: nameOf(definition['name']),
    project: { code: codeOf(definition['projectCode']), name: textOf(definition['projectName']) },
    version: textOf(definition['version']),
    description: storableText(textOf(definition['description']) ?? ''),
    globals: globalsOf(definition),
    timeoutMinutes: numberOf(definition['timeout']),
    executionType: textOf(definition['executionType']),
    tasks: raws.map(modernTask),
    relations: relations.flatMap((relation) => {
      const [from, to] = [codeOf(relation['preTaskCode']), idOf(relation['postTaskCode'])];
      return from === null || to === null ? [] : [{ from, to }];
    }),
    schedule: asMap(around['schedule']),
    record: Object.fromEntries(Object.entries(definition).filter(([key]) => !OWN_KEYS.has(key))),
    strange: list.length - raws.length,
  };
}

function globalsOf(definition: Json): Json[] {
  const written = listOf(definition['globalParams']);
  return (written.length > 0 ? written : listOf(definition['globalParamList']))
    .map(asMap)
    .filter((map) => map !== null);
}

function modernTask(raw: Json): DsTask {
  const code = codeOf(raw['code']);
  const name = nameOf(raw['name']);
  const isTimed = textOf(raw['timeoutFlag'])?.toUpperCase() === 'OPEN';
  const groupId = codeOf(raw['taskGroupId']);
  return {
    key: code ?? name,
    code,
    name,
    type: typeOf(raw['taskType'] ?? raw['type']),
    params: mapOf(raw['taskParams'] ?? raw['params']),
    description: storableText(textOf(raw['description']) ?? ''),
    isForbidden: textOf(raw['flag'])?.toUpperCase() === 'NO' || textOf(raw['flag']) === '0',
    retries: numberOf(raw['failRetryTimes']),
    retryMinutes: numberOf(raw['failRetryInterval']),
    timeout: isTimed
      ? { minutes: numberOf(raw['timeout']), strategy: textOf(raw['timeoutNotifyStrategy'])?.toUpperCase() ?? 'WARN' }
      : null,
    delayMinutes: numberOf(raw['delayTime']),
    priority: textOf(raw['taskPriority']),
    workerGroup: textOf(raw['workerGroup']),
    environmentCode: codeOf(raw['environmentCode']),
    taskGroup: groupId === null ? null : { id: groupId, priority: numberOf(raw['taskGroupPriority']) },
    raw,
  };
}

// ---- 1.x

function old(file: string, map: Json): DsWorkflow {
  const body = mapOf(map['processDefinitionJson']);
  const list = listOf(body['tasks']);
  const raws = list.map(asMap).filter((task) => task !== null);
  const { processDefinitionJson: _body, ...record } = map;
  return {
    file,
    code: null,
    id: codeOf(map['processDefinitionId'] ?? map['id']),
    name: nameOf(map['processDefinitionName'] ?? map['name']),
    project: { code: null, name: textOf(map['projectName']) },
    version: textOf(map['version']),
    description: storableText(textOf(map['processDefinitionDescription'] ?? map['description']) ?? ''),
    globals: listOf(body['globalParams'])
      .map(asMap)
      .filter((one) => one !== null),
    timeoutMinutes: numberOf(body['timeout']),
    executionType: null,
    tasks: raws.map(oldTask),
    relations: raws.flatMap((raw) =>
      listOf(raw['preTasks']).flatMap((before) => {
        const from = textOf(before)?.trim();
        return from === undefined ? [] : [{ from, to: nameOf(raw['name']) }];
      }),
    ),
    schedule: oldSchedule(map),
    record,
    strange: list.length - raws.length,
  };
}

function oldTask(raw: Json): DsTask {
  const name = nameOf(raw['name']);
  const timeout = mapOf(raw['timeout']);
  const conditionResult = raw['conditionResult'];
  const dependence = raw['dependence'];
  return {
    key: name,
    code: textOf(raw['id']),
    name,
    type: typeOf(raw['type']),
    params: {
      ...(conditionResult === undefined ? {} : { conditionResult }),
      ...(dependence === undefined ? {} : { dependence }),
      ...mapOf(raw['params']),
    },
    description: storableText(textOf(raw['description'] ?? raw['desc']) ?? ''),
    isForbidden: textOf(raw['runFlag'])?.toUpperCase() === 'FORBIDDEN',
    retries: numberOf(raw['maxRetryTimes']),
    retryMinutes: numberOf(raw['retryInterval']),
    timeout:
      textOf(timeout['enable']) === 'true'
        ? { minutes: numberOf(timeout['interval']), strategy: textOf(timeout['strategy'])?.toUpperCase() ?? 'WARN' }
        : null,
    delayMinutes: numberOf(raw['delayTime']),
    priority: textOf(raw['taskInstancePriority']),
    workerGroup: textOf(raw['workerGroup']),
    environmentCode: null,
    taskGroup: null,
    raw,
  };
}

const OLD_SCHEDULE: Readonly<Record<string, string>> = {
  scheduleCrontab: 'crontab',
  scheduleStartTime: 'startTime',
  scheduleEndTime: 'endTime',
  scheduleFailureStrategy: 'failureStrategy',
  scheduleWarningType: 'warningType',
  scheduleWarningGroupId: 'warningGroupId',
  scheduleReleaseState: 'releaseState',
  scheduleProcessInstancePriority: 'processInstancePriority',
  scheduleWorkerGroupName: 'workerGroup',
};

function oldSchedule(map: Json): Json | null {
  if (textOf(map['scheduleCrontab']) === null) return null;
  return Object.fromEntries(
    Object.entries(OLD_SCHEDULE).flatMap(([key, name]) => (key in map ? [[name, map[key]]] : [])),
  );
}

/** Whether the workflow's record says the same as its schedule does. */
export function isOldScheduleKey(key: string): boolean {
  return key in OLD_SCHEDULE;
}

// ---- words

/** A number that names something; null for 0, -1 and nothing at all, which stand for none. */
export function codeOf(value: unknown): string | null {
  const id = idOf(value);
  return id === null || /^-?0*$|^-\d+$/.test(id) ? null : id;
}

function nameOf(value: unknown): string {
  return storableText((textOf(value) ?? '').trim());
}

function typeOf(value: unknown): string {
  return (textOf(value) ?? '').trim().toUpperCase();
}

/** 0 for what is no positive number. */
export function numberOf(value: unknown): number {
  const number = Number(textOf(value) ?? 0);
  return Number.isFinite(number) && number > 0 ? number : 0;
}
