/** A task of DolphinScheduler as a task. Tasks that decide or wait are in `dolphinscheduler-logic.ts`. */
import { formatDuration, LIMITS, WORKER_GROUP_PATTERN } from '@pelorus/protocol';
import { parseTemplate } from '../parameters/template.ts';
import {
  conditionsOf,
  dependentOf,
  switchOf,
  type DsGraph,
  type DsReferences,
  type Logic,
} from './dolphinscheduler-logic.ts';
import { codeOf, numberOf, type DsTask } from './dolphinscheduler-file.ts';
import {
  readProperties,
  translateScript,
  translateText,
  type DsConstants,
  type DsProperties,
  type Tell,
} from './dolphinscheduler-text.ts';
import {
  asMap,
  byteLength,
  listOf,
  mapOf,
  parsed,
  shown,
  storableJson,
  storableText,
  textOf,
  type Json,
} from './foreign-json.ts';
import { asName } from './names.ts';
import type { ImportOutcome, ReportLog } from './report.ts';
import { withoutSecrets } from './secrets.ts';

/** Names for what DolphinScheduler exports only the numbers of. */
export interface DsNames {
  connections: ReadonlyMap<string, string>;
  environments: ReadonlyMap<string, string>;
  taskGroups: ReadonlyMap<string, string>;
}

export interface DsTasking {
  task: DsTask;
  name: string;
  /** Of the workflow: names that have a value, with the text where it is always the same. */
  globals: ReadonlyMap<string, string | null>;
  constants: DsConstants;
  graph: DsGraph;
  references: DsReferences;
  /** The workflow that a sub-workflow task means, and what has to be said about it. */
  subWorkflow: { name: string; why: string | null };
  names: DsNames;
  hasFile: (name: string) => boolean;
  log: ReportLog;
}

type Keys = Record<string, unknown>;

interface Made {
  keys: Keys;
  outcome: ImportOutcome;
  why: string[];
  /** Nothing that the keys say is needed twice. */
  dropsParams: boolean;
}

/** The keys of the task but for `needs`; reports the task and everything in it. */
export function dsTaskKeys(tasking: DsTasking): Keys {
  const { task, name, log } = tasking;
  const tell: Tell = (item, outcome, to, why) => log.tally(name, item, outcome, to, why);
  const properties = readProperties(
    listOf(task.params['localParams'])
      .map(asMap)
      .filter((map) => map !== null),
    'local parameter',
    { ...tasking.constants, ...(task.code === null ? {} : { 'system.task.definition.code': task.code }) },
    tell,
  );
  const made = byType(tasking, properties, tell);
  const { type, disabled, extras, ...own } = made.keys;
  const isDisabled = task.isForbidden || disabled === true;
  const why = [...made.why];
  if (name !== task.name) why.push('its name is no name here, or comes twice');
  if (task.isForbidden) why.push('it is forbidden: skipped and passed through');
  const ending =
    made.outcome === 'mapped' && (name !== task.name || why.length > (task.isForbidden ? 1 : 0))
      ? 'changed'
      : made.outcome;
  log.add(
    `task ${shown(task.name || task.key)}`,
    ending,
    `task ${name} (${String(type)}${isDisabled ? ', disabled' : ''})`,
    why.join('; ') || null,
  );
  const common = commonKeys(tasking, tell);
  return {
    type,
    ...described(task),
    ...(isDisabled ? { disabled: true } : {}),
    ...common,
    ...(Object.keys(properties.params).length === 0 ? {} : { params: properties.params }),
    ...(type === 'http' || Object.keys(properties.outputs).length === 0 ? {} : { outputs: properties.outputs }),
    ...resourcesOf(tasking, tell),
    ...own,
    extras: { dolphinscheduler: keptOf(tasking, made, mapOf(extras), tell) },
  };
}

function described({ description }: DsTask): Keys {
  return description === '' || byteLength(description) > LIMITS.definitionFieldBytes ? {} : { description };
}

function byType(tasking: DsTasking, properties: DsProperties, tell: Tell): Made {
  const { task, name, graph, references, subWorkflow } = tasking;
  switch (task.type) {
    case 'SHELL':
      return scripted(tasking, 'shell', tell);
    case 'PYTHON':
      return scripted(tasking, 'python', tell);
    case 'SQL':
      return statements(tasking, properties, tell);
    case 'HTTP':
      return request(tasking, properties, tell);
    case 'CONDITIONS':
      return logical(tasking, conditionsOf(task, name, graph));
    case 'SWITCH':
      return logical(tasking, switchOf(task, name, graph));
    case 'DEPENDENT':
      return logical(tasking, dependentOf(task, references));
    case 'SUB_PROCESS':
    case 'SUB_WORKFLOW':
      return {
        keys: { type: 'sub_workflow', workflow: subWorkflow.name },
        outcome: 'mapped',
        why: subWorkflow.why === null ? [] : [subWorkflow.why],
        dropsParams: true,
      };
    default:
      return notImported(tasking, `there is no task type for ${typeText(task)} yet`);
  }
}

function logical(tasking: DsTasking, logic: Logic): Made {
  if (!('refused' in logic))
    return { ...logic, outcome: logic.why.length > 0 ? 'changed' : 'mapped', dropsParams: true };
  // Passed through, a task that decides would let every branch run.
  const decides = tasking.task.type !== 'DEPENDENT';
  return notImported(tasking, logic.refused, decides);
}

// ---- scripts

const TOO_LONG = `its text is longer than ${LIMITS.definitionFieldBytes} bytes; extras.dolphinscheduler has its beginning`;

function scripted(tasking: DsTasking, type: 'shell' | 'python', tell: Tell): Made {
  const text = storableText(textOf(tasking.task.params['rawScript']) ?? '').replaceAll('\r\n', '\n');
  if (text.trim() === '') return notImported(tasking, 'it has no script');
  const { run, substitution, why } = translateScript(text, constantsOf(tasking), tell);
  if (byteLength(run) > LIMITS.definitionFieldBytes) return notImported(tasking, TOO_LONG);
  return {
    keys: { type, ...(substitution === 'text' ? { substitution } : {}), run },
    outcome: 'mapped',
    why,
    dropsParams: true,
  };
}

function constantsOf({ constants, task }: DsTasking): DsConstants {
  return { ...constants, ...(task.code === null ? {} : { 'system.task.definition.code': task.code }) };
}

// ---- SQL

function statements(tasking: DsTasking, properties: DsProperties, tell: Tell): Made {
  const { task, names } = tasking;
  const { params } = task;
  const why: string[] = [];
  const sql = textOf(params['sql']);
  if (sql === null) return notImported(tasking, 'it has no statement');
  const texts = [sql, ...listOf(params['preStatements']), ...listOf(params['postStatements'])].map((one) =>
    boundText(textOf(one) ?? '', tasking, tell),
  );
  const broken = texts.map((text) => parseTemplate(text, 'bound').problems[0]).find((problem) => problem !== undefined);
  if (broken !== undefined) return notImported(tasking, `its text cannot be read: ${broken}`);
  if (texts.some((text) => byteLength(text) > LIMITS.definitionFieldBytes)) return notImported(tasking, TOO_LONG);
  const raw = rawNames(texts.join('\n'), tasking, properties);
  if ('refused' in raw) return notImported(tasking, raw.refused);
  const source = textOf(params['datasourceName']) ?? null;
  const id = codeOf(params['datasource']);
  const connection = names.connections.get(id ?? '') ?? source ?? (id === null ? null : `datasource_${id}`);
  if (connection === null) return notImported(tasking, 'it names no data source');
  why.push(
    `it runs on the connection \`${shown(connection)}\`, which has to be there (${shown(textOf(params['type']) ?? '?')}, data source ${shown(id ?? source ?? '?')})`,
  );
  const lists = [...properties.lists].filter((name) => texts.some((text) => text.includes(`\${${name}}`)));
  if (lists.length > 0) why.push(`the list ${shown(lists.join(', '))} is bound as one value`);
  const [before, after] = [listOf(params['preStatements']).length, listOf(params['postStatements']).length];
  const rows = numberOf(params['limit']);
  return {
    keys: {
      type: 'sql',
      connection: storableText(connection.slice(0, 300)),
      run: texts[0],
      ...(before === 0 ? {} : { preStatements: texts.slice(1, 1 + before).filter((text) => text.trim() !== '') }),
      ...(after === 0 ? {} : { postStatements: texts.slice(1 + before).filter((text) => text.trim() !== '') }),
      ...(rows === 0 ? {} : { maxRows: Math.min(Math.round(rows), 1_000_000) }),
      ...(Object.keys(raw.allowed).length === 0 ? {} : { raw: raw.allowed }),
    },
    outcome: 'changed',
    why,
    dropsParams: true,
  };
}

/** Names are bound with the quotes around them, as they were. */
function boundText(text: string, tasking: DsTasking, tell: Tell): string {
  const good = storableText(text).replace(/(['"])(\$\{[^}'"\n]{1,200}\})\1/g, '$2');
  return translateText(good, constantsOf(tasking), tell);
}

/** `!{name}` goes into the text, which only values that are known beforehand may. */
function rawNames(
  text: string,
  { globals }: DsTasking,
  { values }: DsProperties,
): { allowed: Record<string, string[]> } | { refused: string } {
  const allowed = new Map<string, string[]>();
  for (const [, name = ''] of text.matchAll(/!\{([^}\n]{1,200})\}/g)) {
    const value = values.has(name) ? values.get(name) : globals.get(name);
    if (typeof value !== 'string' || name === '__proto__')
      return { refused: `\`!{${shown(name)}}\` puts a value into the statement that is only known when it runs` };
    allowed.set(name, [value]);
  }
  return { allowed: Object.fromEntries(allowed) };
}

// ---- HTTP

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function request(tasking: DsTasking, properties: DsProperties, tell: Tell): Made {
  const { params } = tasking.task;
  const why: string[] = [];
  const text = (given: unknown): string => translateText(storableText(textOf(given) ?? ''), constantsOf(tasking), tell);
  const address = text(params['url']).trim();
  if (!/^(?:https?:\/\/|\$\{)\S/i.test(address) || /\s/.test(address))
    return notImported(tasking, `\`${shown(address)}\` is no address`);
  const method = (textOf(params['httpMethod'] ?? params['httpRequestMethod']) ?? 'GET').toUpperCase();
  if (!METHODS.has(method)) return notImported(tasking, `there is no method ${shown(method)}`);
  const fields = listOf(params['httpParams']).map(mapOf);
  const of = (kind: string): [string, string][] =>
    fields
      .filter((field) => textOf(field['httpParametersType'])?.toUpperCase() === kind && textOf(field['prop']) !== null)
      .map((field) => [storableText(textOf(field['prop']) ?? ''), text(field['value'])]);
  const headers = headersOf(of('HEADERS'), tasking, tell);
  const body = bodyOf(params, of('BODY'), method, text);
  if (body === undefined) why.push(`a ${method} request has no body here`);
  const checks = checkOf(params, why);
  if (body && typeof body === 'string' && !Object.keys(headers).some((name) => name.toLowerCase() === 'content-type'))
    headers['Content-Type'] = 'application/json';
  const outputs = Object.fromEntries(Object.keys(properties.outputs).map((name) => [name, '$']));
  if (Object.keys(outputs).length > 0)
    why.push(`${shown(Object.keys(outputs).join(', '))}: the answer, which has to be JSON`);
  const url = withQuery(address, of('PARAMETER'));
  const wrong = [url, ...Object.values(headers), ...stringsIn(body)]
    .map((one) => parseTemplate(one, 'bound').problems[0])
    .find((problem) => problem !== undefined);
  if (wrong !== undefined) return notImported(tasking, `its text cannot be read: ${wrong}`);
  return {
    keys: {
      type: 'http',
      method,
      url,
      ...(Object.keys(headers).length === 0 ? {} : { headers }),
      ...(body === undefined || body === null ? {} : { body }),
      ...checks,
      ...(Object.keys(outputs).length === 0 ? {} : { outputs }),
    },
    outcome: why.length > 0 ? 'changed' : 'mapped',
    why,
    dropsParams: true,
  };
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

function headersOf(given: [string, string][], { name: task }: DsTasking, tell: Tell): Record<string, string> {
  const headers: [string, string][] = [];
  for (const [name, value] of given) {
    if (!HEADER_NAME.test(name)) tell(`header ${shown(name)}`, 'unsupported', null, 'no header can have this name');
    else if (/^authorization$|token|secret|passw|api.?key/i.test(name) && !/\$\{/.test(value) && value !== '') {
      const secret = `${task}_${name}`.replace(/[^\p{L}\p{M}\p{Nd}_.-]+/gu, '_').slice(0, 60);
      tell(
        `header ${shown(name)}`,
        'changed',
        `headers.${name}`,
        `secrets are not kept in definitions: make the secret ${secret}, which it names now`,
      );
      headers.push([name, `\${secret.${secret}}`]);
    } else headers.push([name, value.replace(/[\r\n]+/g, ' ')]);
  }
  return Object.fromEntries(headers);
}

/** Undefined: there was one that cannot be sent. */
function bodyOf(params: Json, fields: [string, string][], method: string, text: (given: unknown) => string): unknown {
  const written = textOf(params['httpBody']);
  const whole =
    written !== null && parsed(written) === undefined ? text(written) : written === null ? null : text(written);
  const body =
    whole ?? (fields.length === 0 ? null : Object.fromEntries(fields.filter(([name]) => name !== '__proto__')));
  return body !== null && (method === 'GET' || method === 'HEAD') ? undefined : body;
}

function stringsIn(body: unknown): string[] {
  return typeof body === 'string' ? [body] : Object.values(mapOf(body)).filter((value) => typeof value === 'string');
}

function checkOf(params: Json, why: string[]): Keys {
  const condition = textOf(params['condition']) ?? '';
  switch (textOf(params['httpCheckCondition'])?.toUpperCase() ?? 'STATUS_CODE_DEFAULT') {
    case 'STATUS_CODE_CUSTOM': {
      const status = Number(condition.trim());
      if (Number.isInteger(status) && status >= 100 && status <= 599) return { expect: { status: [status] } };
      why.push(`\`${shown(condition)}\` is no status: 200 is expected`);
      return {};
    }
    case 'BODY_CONTAINS':
      why.push('the status has to be 200 as well');
      return {
        expect: { status: [200], body: condition.startsWith('re:') ? `re:${escapedPattern(condition)}` : condition },
      };
    case 'BODY_NOT_CONTAINS':
      why.push(`whether the answer lacks \`${shown(condition)}\` is not looked at; the status has to be 200`);
      return {};
    default:
      return {};
  }
}

function escapedPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function withQuery(url: string, parameters: [string, string][]): string {
  if (parameters.length === 0) return url;
  const query = parameters.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&');
  const [before = '', fragment] = url.split('#', 2);
  const joint = before.includes('?') ? (/[?&]$/.test(before) ? '' : '&') : '?';
  return `${before}${joint}${query}${fragment === undefined ? '' : `#${fragment}`}`;
}

/** Percent-encoded but for `${name}` and `$[…]`, whose values are encoded when they are put in. */
function encoded(text: string): string {
  return text
    .split(/(\$\{[^}]*\}|\$\[[^\]]*\])/)
    .map((part, index) => (index % 2 === 1 ? part : encodeURIComponent(part.toWellFormed())))
    .join('');
}

// ---- what cannot be run

/** A task that is passed through, or that fails; and that fails in any case where somebody enables it as it is. */
function notImported(tasking: DsTasking, why: string, fails = false): Made {
  const { task } = tasking;
  const run = `echo 'not imported: ${typeText(task)}; see extras.dolphinscheduler of this task' >&2\nexit 1\n`;
  return {
    keys: { type: 'shell', ...(fails ? {} : { disabled: true }), run, extras: { unsupported: why } },
    outcome: 'unsupported',
    why: [fails ? `${why}; it fails, so that no branch is taken` : why],
    dropsParams: false,
  };
}

/** Nothing in it means anything to a shell or to a template. */
function typeText({ type }: DsTask): string {
  return type.replace(/[^\w.-]+/g, '_').slice(0, 80) || 'a task without a type';
}

// ---- what every task has

const MAX_MINUTES = 366 * 24 * 60;
const PRIORITIES = new Set(['HIGHEST', 'HIGH', 'MEDIUM', 'LOW', 'LOWEST']);

function commonKeys(tasking: DsTasking, tell: Tell): Keys {
  const { task } = tasking;
  const retries = Math.min(Math.floor(task.retries), LIMITS.retryMax);
  const priority = task.priority?.toUpperCase() ?? 'MEDIUM';
  const keys: Keys = {
    ...(retries === 0
      ? {}
      : { retry: { max: retries, interval: minutesText(Math.min(Math.round(task.retryMinutes), 7 * 24 * 60)) } }),
    ...timeoutOf(task.timeout),
    ...(task.delayMinutes === 0 ? {} : { delay: minutesText(Math.min(Math.round(task.delayMinutes), MAX_MINUTES)) }),
    ...(PRIORITIES.has(priority) && priority !== 'MEDIUM' ? { priority: priority.toLowerCase() } : {}),
    ...groupKeys(tasking, tell),
  };
  if (retries > 0) tell('failRetryTimes', 'mapped', 'retry', null);
  if ('timeout' in keys) tell('timeout', 'mapped', 'timeout', null);
  if ('delay' in keys) tell('delayTime', 'mapped', 'delay', null);
  if ('priority' in keys) tell('taskPriority', 'mapped', 'priority', null);
  for (const [field, none] of [
    ['cpuQuota', -1],
    ['memoryMax', -1],
  ] as const)
    if (numberOf(task.raw[field]) > 0)
      tell(field, 'unsupported', 'extras.dolphinscheduler', `a limit other than ${none} has no effect`);
  if (textOf(task.raw['isCache'])?.toUpperCase() === 'YES')
    tell('isCache', 'unsupported', 'extras.dolphinscheduler', 'every run executes its tasks');
  if (textOf(task.raw['taskExecuteType'])?.toUpperCase() === 'STREAM')
    tell(
      'taskExecuteType STREAM',
      'unsupported',
      'extras.dolphinscheduler',
      'a task that never ends fails by its timeout',
    );
  return keys;
}

function minutesText(minutes: number): string {
  return formatDuration(minutes * 60_000);
}

/** Minutes and what happens then. */
export function timeoutOf(timeout: DsTask['timeout']): Keys {
  if (timeout === null || timeout.minutes === 0) return {};
  const fails = timeout.strategy.includes('FAIL');
  const action = fails ? (timeout.strategy.includes('WARN') ? 'warn_and_fail' : 'fail') : 'warn';
  return { timeout: { after: minutesText(Math.max(1, Math.min(Math.round(timeout.minutes), MAX_MINUTES))), action } };
}

function groupKeys({ task, names }: DsTasking, tell: Tell): Keys {
  const keys: Keys = {};
  const workerGroup = workerGroupOf(task.workerGroup);
  if (workerGroup !== null) {
    keys['workerGroup'] = workerGroup;
    tell('workerGroup', 'mapped', `workerGroup: ${workerGroup}`, null);
  } else if (task.workerGroup !== null && task.workerGroup !== 'default')
    tell(`workerGroup ${shown(task.workerGroup)}`, 'unsupported', null, 'no worker group can have this name');
  if (task.environmentCode !== null) {
    const environment = names.environments.get(task.environmentCode);
    if (environment !== undefined) keys['environment'] = environment;
    tell(
      `environmentCode ${shown(task.environmentCode)}`,
      environment === undefined ? 'unsupported' : 'mapped',
      environment === undefined ? 'extras.dolphinscheduler' : `environment: ${environment}`,
      environment === undefined
        ? 'the file has only its number: say its name when importing, or set `environment`'
        : null,
    );
  }
  if (task.taskGroup !== null) {
    const name = names.taskGroups.get(task.taskGroup.id) ?? asName(`group_${task.taskGroup.id}`);
    const priority = Math.round(task.taskGroup.priority);
    keys['taskGroup'] = { name, ...(priority === 0 ? {} : { priority }) };
    tell(
      `taskGroupId ${shown(task.taskGroup.id)}`,
      'changed',
      `taskGroup: ${name}`,
      'the task group has to be there: tasks wait until it is',
    );
  }
  return keys;
}

const GROUP_NAME = new RegExp(WORKER_GROUP_PATTERN, 'u');

/** Null for the default group and for what is none. */
export function workerGroupOf(text: string | null): string | null {
  return text === null || text === 'default' || !GROUP_NAME.test(text) ? null : text;
}

function resourcesOf({ task, hasFile }: DsTasking, tell: Tell): { files?: string[] } {
  const found: string[] = [];
  for (const entry of listOf(task.params['resourceList'])) {
    const map = mapOf(entry);
    const written = textOf(
      map['resourceName'] ?? map['res'] ?? map['fullName'] ?? map['name'] ?? (typeof entry === 'string' ? entry : null),
    );
    const item = `resource ${shown(written ?? `number ${textOf(map['id']) ?? '?'}`)}`;
    const name = written?.replace(/^[/\\]+/, '') ?? '';
    const near = [name, name.split('/').at(-1) ?? ''].find((one) => isPlainPath(one) && hasFile(one));
    if (near === undefined) tell(item, 'unsupported', null, 'it is not beside the imported file');
    else if (!found.includes(near)) {
      found.push(near);
      tell(
        item,
        near === name ? 'mapped' : 'changed',
        `files: ${shown(near)}`,
        near === name ? null : 'without its folder',
      );
    }
  }
  return found.length === 0 ? {} : { files: found };
}

function isPlainPath(name: string): boolean {
  if (name === '' || name.length > 300 || storableText(name) !== name || /^[A-Za-z]:|\\/.test(name)) return false;
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

// ---- what is kept of it

/** What changes from export to export, or is told elsewhere. */
const VOLATILE = new Set([
  'id',
  'createTime',
  'updateTime',
  'operateTime',
  'operator',
  'userId',
  'userName',
  'modifyBy',
  'projectName',
  'taskParamList',
  'taskParamMap',
  'dependence',
  'conditionResult',
  'switchResult',
  'params',
]);
const IDENTITY = new Set(['code', 'id', 'name', 'taskType', 'type', 'version']);
/** Fields with rows or keys of their own. */
const TOLD = new Set(
  'code name version description projectCode taskType type taskParams params flag runFlag taskPriority taskInstancePriority workerGroup environmentCode failRetryTimes failRetryInterval maxRetryTimes retryInterval timeoutFlag timeoutNotifyStrategy timeout delayTime taskGroupId taskGroupPriority cpuQuota memoryMax isCache taskExecuteType preTasks depList loc'.split(
    ' ',
  ),
);
const TOLD_PARAMS = new Set(
  'localParams resourceList rawScript sql type datasource datasourceName preStatements postStatements limit sqlType url httpMethod httpParams httpBody httpCheckCondition condition dependence conditionResult switchResult processDefinitionCode workflowDefinitionCode processDefinitionId varPool'.split(
    ' ',
  ),
);

function keptOf({ task, name, log }: DsTasking, made: Made, more: Json, tell: Tell): Json {
  const { taskParams: _modern, params: _old, ...rest } = task.raw;
  const unmapped = Object.fromEntries(
    Object.entries(task.params).filter(([key, value]) => !TOLD_PARAMS.has(key) && !isEmpty(value)),
  );
  const params = made.dropsParams ? unmapped : task.params;
  if (made.dropsParams)
    for (const key of Object.keys(unmapped))
      tell(`field taskParams.${shown(key)}`, 'unsupported', 'extras.dolphinscheduler', 'it means nothing here');
  for (const [key, value] of Object.entries(rest))
    if (!TOLD.has(key) && !VOLATILE.has(key) && !isEmpty(value))
      tell(`field ${shown(key)}`, 'mapped', 'extras.dolphinscheduler', 'kept');
  const hidden = (key: string): void =>
    tell(`secret ${shown(key)}`, 'unsupported', null, 'secrets are not kept in definitions');
  const all = {
    ...Object.fromEntries(Object.entries(rest).filter(([key, value]) => isKept(key, value))),
    ...(Object.keys(params).length === 0 ? {} : { taskParams: params }),
    ...more,
  };
  const { value, cut } = storableJson(withoutSecrets(all, hidden));
  if (cut)
    log.tally(
      name,
      'task fields',
      'changed',
      'extras.dolphinscheduler',
      'what cannot be stored was left out: too deep, too much, or no text',
    );
  return mapOf(value);
}

/** What names it, what keys of the task do not say, and limits that are set. */
function isKept(key: string, value: unknown): boolean {
  if (isEmpty(value) || (key === 'id' && typeof value !== 'string')) return false;
  if (IDENTITY.has(key)) return true;
  if (key === 'environmentCode' || key === 'cpuQuota' || key === 'memoryMax') return numberOf(value) > 0;
  if (key === 'isCache') return value === 'YES';
  if (key === 'taskExecuteType') return value !== 'BATCH';
  return !TOLD.has(key) && !VOLATILE.has(key);
}

function isEmpty(value: unknown): boolean {
  return (
    value === null ||
    value === '' ||
    (Array.isArray(value) && value.length === 0) ||
    (asMap(value) !== null && Object.keys(mapOf(value)).length === 0)
  );
}
