/** A node of a DataSphereStudio flow as a task. What can only be seen with other flows in view arrives as `DssLinks`. */
import { LIMITS } from '@pelorus/protocol';
import { refusedName } from '../parameters/names.ts';
import { namesIn, parseTemplate } from '../parameters/template.ts';
import {
  isDateVariable,
  runDateOf,
  setLines,
  translateVariables,
  type DssScope,
  type DssText,
} from './dss-variables.ts';
import { settingOf, type DssNode } from './dss-node.ts';
import {
  byteLength,
  jsonText,
  listOf,
  mapOf,
  shown,
  storableJson,
  storableText,
  textOf,
  type Json,
} from './foreign-json.ts';
import type { ImportOutcome, ReportLog } from './report.ts';
import { withoutSecrets } from './secrets.ts';

export interface DssLinks {
  /** The workflow that a subflow node runs, and what has to be said about it. */
  subWorkflow: { name: string; why: string | null } | null;
  /** What a receiver or data checker waits for. */
  upstream: DssUpstream | null;
  /** The receiver waits for a sender of its own flow, which is its predecessor now. */
  isInside: boolean;
}

export interface DssUpstream {
  leaves: { workflow: string; task: string | null }[];
  /** `or`: the first that comes is enough. */
  join: 'and' | 'or';
  why: string;
}

export interface DssFiles {
  /** The text of a script file beside the import, or null. */
  readFile: (name: string) => string | null;
  hasFile: (name: string) => boolean;
}

/** The keys of a task, but for `needs`. */
export type TaskKeys = Record<string, unknown>;

interface Converting {
  node: DssNode;
  links: DssLinks;
  /** Of the flow: what every node sees. */
  scope: DssScope;
  files: DssFiles;
  report: ReportLog;
  /** Settings that have found a meaning. */
  used: Set<string>;
}

/** What a node became: `why` has every reason for an outcome that is not `mapped`. */
interface Converted {
  keys: TaskKeys;
  outcome: ImportOutcome;
  why: string[];
}

/** Reports the node, its variables and its settings. */
export function taskOf(context: Omit<Converting, 'used'>): TaskKeys {
  const converting = { ...context, used: new Set(['auto.disabled']) };
  const { node, report } = converting;
  const { keys, outcome, why } = convert(converting);
  const reasons = [...why];
  if (node.name !== node.title)
    reasons.push(node.title === '' ? 'it has no title' : 'its title is not a name, or comes twice');
  if (node.disabled) reasons.push('`auto.disabled` is set: skipped and passed through');
  const ending = outcome === 'mapped' && node.name !== node.title ? 'changed' : outcome;
  const to = `task ${node.name} (${String(keys['type'])}${keys['disabled'] === true ? ', disabled' : ''})`;
  report.add(
    `node ${shown(node.title || node.ids[0] || '?')}`,
    ending,
    to,
    reasons.length === 0 ? null : reasons.join('; '),
  );
  reportSettings(converting);
  return keys;
}

function convert(converting: Converting): Converted {
  const own = ownKeys(converting);
  const made = byKind(converting, own);
  const { node } = converting;
  const isDisabled = node.disabled || made.keys['disabled'] === true;
  const { type, disabled: _disabled, extras, ...rest } = made.keys;
  return {
    ...made,
    keys: {
      type,
      ...described(node),
      ...(isDisabled ? { disabled: true } : {}),
      ...retryKeys(converting),
      ...own.keys,
      ...filesOf(converting),
      ...rest,
      extras: { dss: keptOf(converting, mapOf(extras)) },
    },
  };
}

function described({ raw }: DssNode): TaskKeys {
  const text = storableText(textOf(raw['desc']) ?? textOf(raw['description']) ?? '');
  return text === '' || byteLength(text) > LIMITS.definitionFieldBytes ? {} : { description: text };
}

function byKind(converting: Converting, own: Own): Converted {
  const { node, links } = converting;
  switch (node.kind) {
    case 'shell':
    case 'python':
      return scripted(converting, own);
    case 'sql':
      return statements(converting, own);
    case 'virtual':
      return { keys: { type: 'virtual' }, outcome: 'mapped', why: [] };
    case 'subflow':
      return subWorkflow(links);
    case 'sender':
      return sender(converting);
    case 'receiver':
      return receiver(converting);
    case 'datachecker':
      return datachecker(converting);
    case 'script':
      return withoutEngine(converting);
    case 'unknown':
      return notImported(converting, `there is no task type for ${jobTypeText(node)}`);
  }
}

// ---- parameters of the node

interface Own {
  keys: { params?: Record<string, unknown> };
  /** The flow's scope with what the node itself adds. */
  scope: DssScope;
  script: DssScript;
}

function ownKeys(converting: Converting): Own {
  const { node, scope, report } = converting;
  const script = scriptOf(converting);
  const isText = script.text !== null && (node.kind === 'shell' || node.kind === 'python' || node.kind === 'sql');
  const lines = isText ? setLines(script.text ?? '', node.kind === 'sql' ? 'sql' : 'script') : [];
  // A `@set` line wins over the node's own variables.
  const given = new Map<string, unknown>(Object.entries(mapOf(mapOf(node.raw['params'])['variable'])));
  for (const { name, value } of lines) given.set(name, value);
  for (const name of new Set(lines.map((line) => line.name)))
    report.tally(
      node.name,
      `variable @set ${shown(name)}`,
      'changed',
      `params.${shown(name)}`,
      'a parameter of the task',
    );
  const read = readVariables(given, scope, (name, outcome, to, why) =>
    report.tally(node.name, `variable ${name}`, outcome, to, why),
  );
  return {
    keys: Object.keys(read.params).length === 0 ? {} : { params: read.params },
    scope: read.scope,
    script,
  };
}

/** Reports one variable. */
export type TellVariable = (name: string, outcome: ImportOutcome, to: string | null, why: string | null) => void;

/** Variables as parameters, and the scope in which texts after them are read. */
export function readVariables(
  given: ReadonlyMap<string, unknown>,
  outer: DssScope,
  tell: TellVariable,
): { params: Record<string, unknown>; scope: DssScope } {
  const values = new Map(outer.values);
  const params: [string, unknown][] = [];
  const runDate = fixedRunDate(given.get('run_date'), outer.runDate, tell);
  for (const [written, value] of given) {
    const name = storableText(written);
    if (name === 'run_date') continue;
    const read = readVariable(name, value, { runDate, values });
    tell(shown(name), read.outcome, read.outcome === 'unsupported' ? null : `params.${name}`, read.why);
    if (read.outcome === 'unsupported') continue;
    params.push([name, read.value]);
    values.set(name, read.constant);
  }
  return { params: Object.fromEntries(params), scope: { runDate, values } };
}

function fixedRunDate(value: unknown, outer: string | null, tell: TellVariable): string | null {
  const text = textOf(value);
  if (value === undefined) return outer;
  if (text === null) {
    tell('run_date', 'mapped', null, 'empty: the day before the logical date');
    return outer;
  }
  const date = runDateOf(text);
  if (date === null) tell('run_date', 'unsupported', null, `\`${shown(text)}\` is not a date like 20200228`);
  else
    tell('run_date', 'changed', 'constants in the scripts', 'the file fixes it: the logical date changes nothing here');
  return date ?? outer;
}

interface ReadVariable {
  outcome: ImportOutcome;
  why: string | null;
  value: unknown;
  /** Its text, where that is always the same. */
  constant: string | null;
}

/** A name that hours may have from the flow; all other dates are always reckoned from `run_date`. */
const SETTABLE_DATES = new Set(['run_today_h']);

function readVariable(name: string, value: unknown, scope: DssScope): ReadVariable {
  const unsupported = (why: string): ReadVariable => ({ outcome: 'unsupported', why, value: null, constant: null });
  const text = typeof value === 'object' && value !== null ? jsonText(value) : textOf(value);
  if (text === null) return unsupported('it has no value, and DataSphereStudio passes over such');
  if (isDateVariable(name) && !SETTABLE_DATES.has(name))
    return unsupported('it is reckoned from `run_date`, whatever is set');
  const refused = name === '__proto__' ? 'cannot be used' : refusedName(name);
  if (refused !== null) return unsupported(`the name ${refused}`);
  if (typeof value === 'number' || typeof value === 'boolean')
    return { outcome: 'mapped', why: null, value, constant: String(value) };
  const translated = translateVariables(storableText(text), scope, 'value');
  if (byteLength(translated.text) > LIMITS.parameterBytes)
    return unsupported('its value is longer than a parameter may be');
  const isTemplate = parseTemplate(translated.text, 'value').parts.some((part) => part.kind === 'time');
  const why = typeof value === 'string' ? null : 'as JSON text';
  const changed = translated.uses.length > 0 ? `\`${shown(text)}\` is \`${shown(translated.text)}\` now` : why;
  return {
    outcome: changed === null ? 'mapped' : 'changed',
    why: changed,
    value: translated.text,
    constant: isTemplate ? null : storableText(text),
  };
}

// ---- scripts

interface DssScript {
  /** Null where it is not known. */
  text: string | null;
  /** The file in which it lies, when it is not in the import itself. */
  file: string | null;
}

const FILE_NAME = /^[\w.@+-]{1,200}\.(?:sh|py|python|sql|hql|scala|jdbc|psql|tsql|out|txt|qmls|ngql)$/i;

/** `jobContent.script`: the text itself, or the name of a file that is in the resources of the server. */
function scriptOf({ node, files }: Converting): DssScript {
  const written = mapOf(node.raw['jobContent'])['script'];
  if (typeof written !== 'string' || written.trim() === '') return { text: null, file: null };
  const isResource = resourceNames(node).includes(written.trim());
  if (!isResource && !FILE_NAME.test(written.trim())) return { text: storableText(written), file: null };
  const text = files.readFile(written.trim());
  return { text: text === null ? null : storableText(text.replace(/^\u{feff}/u, '')), file: written.trim() };
}

function resourceNames({ raw }: DssNode): string[] {
  return listOf(raw['resources']).flatMap((one) => textOf(mapOf(one)['fileName'])?.trim() ?? []);
}

/** The reason why a script cannot be run, or its text. */
function usableScript({ text, file }: DssScript): { text: string } | { why: string } {
  if (text === null)
    return { why: file === null ? 'it has no script' : `its script ${shown(file)} is not in the file, nor beside it` };
  if (text.trim() === '') return { why: 'its script is empty' };
  return { text };
}

const TOO_LONG = `its script is longer than ${LIMITS.definitionFieldBytes} bytes; extras.dss has its beginning`;

function scripted(converting: Converting, own: Own): Converted {
  const { node } = converting;
  const script = usableScript(own.script);
  if ('why' in script) return notImported(converting, script.why);
  const run = translated(converting, script.text, own.scope, 'script');
  if (byteLength(run) > LIMITS.definitionFieldBytes) return notImported(converting, TOO_LONG);
  const refers = namesIn(parseTemplate(run, 'script')).length > 0;
  const isWhole = parseTemplate(run, 'value').problems.length === 0;
  const why = refers && !isWhole ? ['it holds a `${` without a name: values arrive as environment variables only'] : [];
  if (own.script.file !== null) why.push(`its script was read from ${shown(own.script.file)}`);
  return {
    keys: {
      type: node.kind,
      ...(refers && isWhole ? { substitution: 'text' } : {}),
      run,
    },
    outcome: refers && !isWhole ? 'changed' : 'mapped',
    why,
  };
}

function translated({ node, report }: Converting, text: string, scope: DssScope, kind: DssText): string {
  const { text: run, uses } = translateVariables(text, scope, kind);
  for (const { source, outcome, to, why } of uses) report.tally(node.name, `expression ${source}`, outcome, to, why);
  if (text.includes('&{'))
    report.tally(node.name, 'expression &{…}', 'unsupported', null, 'date patterns in `&{…}` are left as they are');
  return run;
}

const DATA_SOURCE = 'wds.linkis.engine.runtime.datasource';
const DEFAULT_CONNECTION = 'jdbc';

function statements(converting: Converting, own: Own): Converted {
  const script = usableScript(own.script);
  if ('why' in script) return notImported(converting, script.why);
  if (/!\{[^}]*\}/.test(script.text))
    return notImported(converting, 'its text holds `!{…}`, which means something else here');
  const bound = translated(converting, script.text, own.scope, 'sql');
  if (byteLength(bound) > LIMITS.definitionFieldBytes) return notImported(converting, TOO_LONG);
  const template = parseTemplate(bound, 'bound');
  if (template.problems.length > 0)
    return notImported(converting, `its text cannot be read: ${template.problems[0] ?? ''}`);
  const { run, raw, unknown } = textualNames(bound, namesIn(template), own.scope);
  const connection = settingOf(converting.node, DATA_SOURCE);
  if (connection !== null) converting.used.add(DATA_SOURCE);
  const why = [
    `it runs on the connection \`${shown(connection ?? DEFAULT_CONNECTION)}\`, which has to be there`,
    ...(unknown.length === 0 ? [] : [`\`${shown(unknown.join(', '))}\` are bound as values, no longer put in as text`]),
  ];
  return {
    keys: {
      type: 'sql',
      connection: connection === null ? DEFAULT_CONNECTION : storableText(connection.slice(0, 300)),
      run,
      ...(Object.keys(raw).length === 0 ? {} : { raw }),
    },
    outcome: 'changed',
    why,
  };
}

/** Names whose value is fixed go into the text, as they did; `raw` allows exactly that value. */
function textualNames(
  text: string,
  names: string[],
  scope: DssScope,
): { run: string; raw: Record<string, string[]>; unknown: string[] } {
  const raw: [string, string[]][] = [];
  let run = text;
  for (const name of names) {
    const value = scope.values.get(name);
    if (typeof value !== 'string') continue;
    raw.push([name, [value]]);
    run = run.replaceAll(`\${${name}}`, () => `!{${name}}`);
  }
  const fixed = new Set(raw.map(([name]) => name));
  return { run, raw: Object.fromEntries(raw), unknown: names.filter((name) => !fixed.has(name)) };
}

/** Resources of the node other than its script: found beside the import they come along. */
function filesOf({ node, files, report }: Converting): { files?: string[] } {
  const script = textOf(mapOf(node.raw['jobContent'])['script'])?.trim();
  const found: string[] = [];
  for (const name of new Set(resourceNames(node))) {
    if (name === script) continue;
    if (!isPlainPath(name) || !files.hasFile(name)) {
      report.tally(node.name, `resource ${shown(name)}`, 'unsupported', null, 'it is not beside the imported file');
      continue;
    }
    report.tally(node.name, `resource ${shown(name)}`, 'mapped', `files: ${shown(name)}`);
    found.push(name);
  }
  return found.length === 0 ? {} : { files: found };
}

/** Below the folder of the import, and storable. */
export function isPlainPath(name: string): boolean {
  if (name.length > 300 || storableText(name) !== name || /^[A-Za-z]:|\\/.test(name)) return false;
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

// ---- nodes that wait and signal

function subWorkflow({ subWorkflow: target }: DssLinks): Converted {
  const { name, why } = target ?? { name: 'unknown', why: 'it names no flow' };
  return {
    keys: { type: 'sub_workflow', workflow: name },
    outcome: why === null ? 'mapped' : 'changed',
    why: why === null ? [] : [why],
  };
}

const SIGNAL_SETTINGS = [
  'msg.type',
  'msg.sender',
  'msg.receiver',
  'msg.topic',
  'msg.name',
  'msg.body',
  'msg.savekey',
  'max.receive.hours',
  'query.frequency',
  'only.receive.today',
  'wait.for.time',
  'msg.after.send',
  'msg.receive.use.rundate',
  'msg.init.querytime',
];
const CHECK_SETTINGS = ['check.object', 'source.type', 'max.check.hours', 'job.desc', 'query.frequency', 'time.scape'];

function sender(converting: Converting): Converted {
  const { node } = converting;
  return {
    keys: { type: 'virtual', extras: { event: kept(converting, SIGNAL_SETTINGS) } },
    outcome: 'changed',
    why: [
      `it sends ${signalText(node)}: receivers that were imported with it wait for this task; nothing is sent to anyone else`,
    ],
  };
}

function signalText(node: DssNode): string {
  return `\`${shown(settingOf(node, 'msg.name') ?? '?')}\` on \`${shown(settingOf(node, 'msg.topic') ?? '?')}\``;
}

function receiver(converting: Converting): Converted {
  const { node, links } = converting;
  const extras = { event: kept(converting, SIGNAL_SETTINGS) };
  if (links.isInside)
    return {
      keys: { type: 'virtual', extras },
      outcome: 'changed',
      why: [`the sender of ${signalText(node)} is in the same flow and is its predecessor now`],
    };
  if (links.upstream === null)
    return notImported(converting, `nobody that was imported sends ${signalText(node)}`, extras);
  const today = settingOf(node, 'only.receive.today')?.toLowerCase() === 'true';
  const why = [links.upstream.why, ...(today ? [] : ['only what was sent on the day of the logical date counts'])];
  return { keys: { ...dependent(converting, links.upstream, 'max.receive.hours'), extras }, outcome: 'changed', why };
}

function datachecker(converting: Converting): Converted {
  const { links } = converting;
  const extras = { check: kept(converting, CHECK_SETTINGS) };
  if (links.upstream === null)
    return notImported(
      converting,
      'whether data is there cannot be looked up; no imported workflow is named in it',
      extras,
    );
  return {
    keys: { ...dependent(converting, links.upstream, 'max.check.hours'), extras },
    outcome: 'changed',
    why: [links.upstream.why],
  };
}

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

function dependent({ node }: Converting, { leaves, join }: DssUpstream, hoursKey: string): TaskKeys {
  const parts = leaves.map(({ workflow, task }) => ({ workflow, ...(task === null ? {} : { task }), window: 'today' }));
  const waitS = numberOf(settingOf(node, hoursKey), 1) * HOUR_S;
  // Milliseconds; less than ten seconds was raised to ten.
  const everyS = numberOf(settingOf(node, 'query.frequency'), 30_000) / 1000;
  return {
    type: 'dependent',
    upstream: { [join]: parts },
    checkInterval: `${Math.round(Math.min(Math.max(everyS, 10), DAY_S))}s`,
    maxWait: `${Math.round(Math.min(Math.max(waitS, 1), 366 * DAY_S))}s`,
    onFailure: 'wait',
  };
}

function numberOf(text: string | null, otherwise: number): number {
  const number = text === null ? NaN : Number(text);
  return Number.isFinite(number) && number > 0 ? number : otherwise;
}

/** The settings of these names, which have their meaning from the kind of node. */
function kept({ node, used }: Converting, keys: string[]): Record<string, string> {
  for (const key of keys) used.add(key);
  return Object.fromEntries(
    keys.flatMap((key) => {
      const text = settingOf(node, key);
      return text === null ? [] : [[key, text]];
    }),
  );
}

// ---- what cannot be run

function withoutEngine(converting: Converting): Converted {
  const { text, file } = scriptOf(converting);
  const missing = file === null ? '' : `; its script ${shown(file)} is not in the file, nor beside it`;
  const fate = text === null ? missing : '; its script is kept';
  return notImported(converting, `there is no task type for ${jobTypeText(converting.node)} yet${fate}`);
}

/** A task that is passed through, and that fails where somebody enables it as it is. */
function notImported(converting: Converting, why: string, extras: Json = {}): Converted {
  const { node } = converting;
  const { text, file } = scriptOf(converting);
  return {
    keys: {
      type: 'shell',
      disabled: true,
      run: `echo 'not imported: ${jobTypeText(node)}; see extras.dss of this task' >&2\nexit 1\n`,
      extras: {
        ...extras,
        unsupported: why,
        ...(text === null ? {} : { script: text }),
        ...(file === null ? {} : { scriptFile: file }),
      },
    },
    outcome: 'unsupported',
    why: [why],
  };
}

/** Nothing in it means anything to a shell or to a template. */
function jobTypeText({ jobType }: DssNode): string {
  return jobType.replace(/[^\w.-]+/g, '_').slice(0, 80) || 'a node without a type';
}

// ---- settings

const RETRY_COUNT = 'job.failed.retry.count';
const RETRY_INTERVAL = 'job.failed.retry.interval';

function retryKeys({ node, used, report }: Converting): TaskKeys {
  const count = settingOf(node, RETRY_COUNT);
  if (count === null || !/^\d{1,6}$/.test(count) || Number(count) === 0) return {};
  used.add(RETRY_COUNT);
  used.add(RETRY_INTERVAL);
  const max = Math.min(Number(count), LIMITS.retryMax);
  const intervalMs = Math.min(numberOf(settingOf(node, RETRY_INTERVAL), 60_000), 7 * DAY_S * 1000);
  report.tally(node.name, `setting ${RETRY_COUNT}`, 'mapped', `retry.max ${max}`);
  return { retry: { max, interval: `${Math.max(1, Math.round(intervalMs / 1000))}s` } };
}

function reportSettings({ node, used, report }: Converting): void {
  for (const { group, key } of node.settings) {
    if (used.has(key)) continue;
    report.tally(node.name, `setting ${group}.${shown(key)}`, 'unsupported', 'extras.dss', 'it means nothing here');
  }
  if (node.settings.some(({ key }) => key === 'auto.disabled'))
    report.tally(
      node.name,
      'setting special.auto.disabled',
      'mapped',
      node.disabled ? 'disabled: true' : 'disabled: false',
    );
}

/** The node as it stood in the file, without secrets, and what else was found out about it. */
function keptOf({ node, report }: Converting, more: Json): Json {
  const told = (key: string): void =>
    report.tally(node.name, `secret ${shown(key)}`, 'unsupported', null, 'secrets are not kept in definitions');
  const { value, cut } = storableJson({ ...mapOf(withoutSecrets(node.raw, told)), ...more });
  if (cut)
    report.tally(
      node.name,
      'node fields',
      'changed',
      'extras.dss',
      'what cannot be stored was left out: too deep, too much, or no text',
    );
  return mapOf(value);
}

/** The setting as text, for looking names up in it. */
export function wordsOf(node: DssNode, keys: string[]): string[] {
  return keys
    .flatMap((key) => (settingOf(node, key) ?? '').split(/[^\p{L}\p{M}\p{Nd}_-]+/u))
    .filter((word) => word !== '');
}
