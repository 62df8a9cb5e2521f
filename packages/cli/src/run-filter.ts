/** Which runs a command is about: flags of `runs list`, and the same names in `--filter` of commands that act on many. */
import {
  RUN_STATES,
  type BulkActionName,
  type BulkItemView,
  type RunSelection,
  type RunState,
} from '@pelorus/protocol/vocabulary';
import { Option, type Command } from 'commander';
import { EXIT } from './exit-codes.ts';
import { Failure, usageFailure } from './failure.ts';
import { tableText, writeItem, writeListing, type Column } from './output.ts';
import { sleep } from './pace.ts';
import { wholeNumber, type Session } from './session.ts';

export interface RunFilterFlags {
  project?: string;
  workflow?: string;
  state?: RunState[];
  execType?: 'DIRECT' | 'COMPLEMENT_DATA' | 'SCHEDULER';
  user?: string;
  since?: string;
  until?: string;
  dateFrom?: string;
  dateTo?: string;
  search?: string;
  rerunOf?: number;
  label?: string;
}

const EXEC_TYPES = ['DIRECT', 'COMPLEMENT_DATA', 'SCHEDULER'] as const;

export function addRunFilter(command: Command): Command {
  return command
    .option('--project <name>', 'only of this project')
    .option('--workflow <name>', 'only of this workflow; * stands for any text, ? for one character')
    .addOption(new Option('--state <state...>', 'only in one of these states').choices(RUN_STATES))
    .addOption(new Option('--exec-type <type>', 'only those that came about in this way').choices(EXEC_TYPES))
    .option('--user <name>', 'only those that this user submitted')
    .option('--since <time>', 'submitted at or after; a date, or RFC 3339. Default: 7 days ago')
    .option('--until <time>', 'submitted at or before')
    .option('--date-from <date>', 'with a logical date at or after')
    .option('--date-to <date>', 'with a logical date at or before')
    .option('--search <text>', 'the number of a run, or a part of the name of its workflow')
    .option('--rerun-of <run>', 'only re-runs and repeats of this run', wholeNumber('--rerun-of', 1))
    .option('--label <label>', 'only of workflows with this label: name, or name=value');
}

export function selectionOf(flags: RunFilterFlags): RunSelection {
  const { project, workflow, state, execType, user, search, rerunOf, label } = flags;
  return withoutAbsent({
    ...{ project, workflow, state, execType, user, q: search, rerunOf, label },
    submittedAfter: instantIn('--since', flags.since),
    submittedBefore: instantIn('--until', flags.until),
    logicalDateAfter: instantIn('--date-from', flags.dateFrom),
    logicalDateBefore: instantIn('--date-to', flags.dateTo),
  });
}

function withoutAbsent(selection: { [Name in keyof RunSelection]: RunSelection[Name] | undefined }): RunSelection {
  return Object.fromEntries(Object.entries(selection).filter(([, value]) => value !== undefined));
}

/** Of a date its first instant in UTC. */
function instantIn(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const isInstant = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const at = isInstant ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) throw usageFailure(`${flag} must be a date like 2026-03-15, or RFC 3339, not "${text}"`);
  return new Date(at).toISOString();
}

/** Names in `--filter name=value`. */
const NAMES = [
  'project',
  'workflow',
  'state',
  'exec-type',
  'user',
  'since',
  'until',
  'date-from',
  'date-to',
  'search',
  'rerun-of',
  'label',
];

export function filterFlag(command: Command): Command {
  return command
    .option('--filter <name=value...>', 'instead of one run: all that match; names as the flags of `runs list`')
    .option('--dry-run', 'only show what would be done');
}

/** Throws a usage failure that names what is wrong. */
export function parseFilter(pairs: readonly string[]): RunSelection {
  const flags: Record<string, string | number | string[]> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, equals));
    if (!NAMES.includes(name))
      throw usageFailure(`--filter ${pair}: must be name=value, with a name of ${NAMES.join(', ')}`);
    const value = pair.slice(equals + 1);
    const key = name.replaceAll(/-(\w)/g, (_all, letter: string) => letter.toUpperCase());
    if (key === 'state') flags[key] = [...((flags[key] as string[] | undefined) ?? []), ...statesIn(value)];
    else flags[key] = key === 'rerunOf' ? wholeNumber('rerun-of', 1)(value) : value;
  }
  return selectionOf(flags);
}

function statesIn(text: string): RunState[] {
  return text.split(',').map((word) => {
    const state = RUN_STATES.find((each) => each === word);
    if (state === undefined) throw usageFailure(`--filter state=${text}: must be of ${RUN_STATES.join(', ')}`);
    return state;
  });
}

const POLL_MS = 300;

/** Acts on every run that the filter selects, and shows what became of each; a conflict when some were refused. */
export async function actOnMany(
  session: Session,
  action: BulkActionName,
  filter: RunSelection,
  options: { dryRun?: boolean | undefined; version?: 'latest' | undefined },
): Promise<void> {
  const { client, signal } = session;
  const request = { action, filter, ...(options.version === undefined ? {} : { version: options.version }) };
  if (options.dryRun === true) return showPreview(session, (await client.bulk.preview(request, signal)).items);
  let view = await client.bulk.runs(request, { signal });
  while (view.state !== 'ended') {
    await sleep(POLL_MS, signal);
    view = await client.bulk.get(view.id, { limit: 1 }, signal);
  }
  const items: BulkItemView[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await client.bulk.get(view.id, cursor === '' ? {} : { cursor }, signal);
    items.push(...page.items);
    cursor = page.nextCursor;
  }
  const { id, total, done, refused } = view;
  writeItem(session.terminal.out, session.format, {
    value: { ...view, items },
    name: String(id),
    text: (stream) =>
      `${tableText(stream, { rows: items, columns: OUTCOMES })}${action}: ${done} of ${total} done, ${refused} refused\n`,
  });
  if (refused > 0)
    throw new Failure({ exitCode: EXIT.conflict, what: `${refused} of ${total} runs were refused`, why: 'see above' });
}

const OUTCOMES: Column<BulkItemView>[] = [
  { title: 'RUN', value: (item) => String(item.run) },
  { title: 'OUTCOME', value: (item) => item.state, tone: (item) => (item.state === 'done' ? 'good' : 'warn') },
  { title: 'NEW RUN', value: (item) => item.newRun?.toString() ?? '' },
  { title: 'WHY', value: (item) => item.message ?? '' },
];

type Previewed = {
  run: number;
  workflow: string | null;
  state: RunState | null;
  would: string;
  message: string | null;
};

function showPreview(session: Session, rows: Previewed[]): void {
  const columns: Column<Previewed>[] = [
    { title: 'RUN', value: (item) => String(item.run) },
    { title: 'WORKFLOW', value: (item) => item.workflow ?? '' },
    { title: 'STATE', value: (item) => item.state ?? '' },
    { title: 'WOULD', value: (item) => item.would },
    { title: 'WHY', value: (item) => item.message ?? '' },
  ];
  writeListing(session.terminal.out, session.format, {
    rows,
    columns,
    name: (item) => String(item.run),
    none: 'no runs',
  });
}
