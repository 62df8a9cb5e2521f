/** The flags that say which tasks of a workflow run and how: of `run`, and of `backfill create` for each of its runs. */
import {
  PRIORITIES,
  type FailurePolicy,
  type NodeDep,
  type ParameterDeclaration,
  type ParameterValue,
  type Priority,
  type RunRequest,
} from '@pelorus/protocol/vocabulary';
import { Option, type Command } from 'commander';
import { usageFailure } from './failure.ts';
import type { WorkflowName } from './references.ts';
import { collectList, collectText, wholeNumber, type Session } from './session.ts';

export interface RunOrderFlags {
  param?: string[];
  fromNode?: string[];
  dep: NodeDep;
  tasks?: string[];
  select?: string[];
  zone?: string;
  failurePolicy?: FailurePolicy;
  priority?: Priority;
  workerGroup?: string;
  environment?: string;
  workflowVersion?: number;
}

export function addRunOrder(command: Command): Command {
  return command
    .option('-p, --param <name=value>', 'a start parameter; may be repeated', collectText)
    .option('--from-node <task>', 'begin at this task; may be repeated, or a list with commas', collectList)
    .addOption(
      new Option('--dep <which>', 'with --from-node: the task alone, its predecessors too, or its successors too')
        .choices(['node', 'pre', 'post'])
        .default('node'),
    )
    .option('--tasks <a,b>', 'exactly these tasks', collectList)
    .addOption(new Option('--select <a,b>', 'the same as --tasks').argParser(collectList).conflicts('tasks'))
    .option('--zone <name>', 'zone of the logical date, e.g. Europe/Berlin')
    .addOption(
      new Option('--failure-policy <policy>', 'what a failed task does to the others').choices(['end', 'continue']),
    )
    .addOption(new Option('--priority <priority>', 'before or after other runs').choices(PRIORITIES))
    .option('--worker-group <name>', 'where tasks run that name no group')
    .option('--environment <name>', 'the environment of tasks that name none')
    .option(
      '--workflow-version <n>',
      'a version of the workflow other than the latest',
      wholeNumber('--workflow-version', 1),
    );
}

/** What they ask for; parameters become what the workflow declares, for which it is looked up. */
export async function runOrderOf(
  session: Session,
  name: WorkflowName,
  flags: RunOrderFlags,
): Promise<Omit<RunRequest, 'logicalDate'>> {
  const select = flags.tasks ?? flags.select;
  if (flags.fromNode !== undefined && select !== undefined)
    throw usageFailure('--from-node and --tasks cannot be used together');
  const params = await paramsOf(session, name, flags);
  return {
    ...name,
    ...(params === null ? {} : { params }),
    ...(flags.fromNode === undefined ? {} : { from: { task: flags.fromNode, dep: flags.dep } }),
    ...(select === undefined ? {} : { select }),
    ...(flags.failurePolicy === undefined ? {} : { failurePolicy: flags.failurePolicy }),
    ...(flags.priority === undefined ? {} : { priority: flags.priority }),
    ...(flags.workerGroup === undefined ? {} : { workerGroup: flags.workerGroup }),
    ...(flags.environment === undefined ? {} : { environment: flags.environment }),
    ...(flags.workflowVersion === undefined ? {} : { version: flags.workflowVersion }),
    ...(flags.zone === undefined ? {} : { zone: flags.zone }),
  };
}

/** Texts become what the workflow declares; what does not fit is sent as it is, and the server says what is wrong with it. */
export async function paramsOf(
  session: Session,
  { project, workflow }: WorkflowName,
  flags: Pick<RunOrderFlags, 'param' | 'workflowVersion'>,
): Promise<Record<string, ParameterValue> | null> {
  if (flags.param === undefined) return null;
  const pairs = flags.param.map(parsePair);
  const view =
    flags.workflowVersion === undefined
      ? await session.client.workflows.get(project, workflow, session.signal)
      : await session.client.workflows.version(project, workflow, flags.workflowVersion, session.signal);
  return Object.fromEntries(
    pairs.map(([name, text]) => [name, typedValue(text, view.definition.params[name]?.type ?? 'string')]),
  );
}

function parsePair(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw usageFailure(`-p needs name=value, not "${text}"`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function typedValue(text: string, type: ParameterDeclaration['type']): ParameterValue {
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  const isNumber =
    type === 'integer'
      ? /^-?\d{1,15}$/.test(text)
      : type === 'number' && text.trim() !== '' && Number.isFinite(Number(text));
  return isNumber ? Number(text) : text;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** February 30 is read as March 1 by `Date.parse`. */
function isDay(text: string): boolean {
  return !DAY.test(text) || new Date(`${text}T00:00:00Z`).toISOString().startsWith(text);
}

/** RFC 3339 of what a date flag was given; a day without a time is its first instant in UTC. */
export function instantFlag(flag: string, text: string): string {
  const given = momentFlag(flag, text);
  return DAY.test(given) ? `${given}T00:00:00Z` : given;
}

/** What a date flag was given, for the server to read in the zone that it means: a day, a local time, or an instant. */
export function momentFlag(flag: string, text: string): string {
  if (Number.isNaN(Date.parse(text)))
    throw usageFailure(`${flag} must be like 2024-03-15 or 2024-03-15T13:45:00Z, not "${text}"`);
  const day = text.slice(0, 10);
  if (!isDay(day)) throw usageFailure(`${flag}: there is no ${day}`);
  return text;
}
