import {
  PRIORITIES,
  type FailurePolicy,
  type NodeDep,
  type ParameterDeclaration,
  type ParameterValue,
  type Priority,
  type RunRequest,
} from '@pelorus/protocol';
import { Option, type Command } from 'commander';
import { applyFile } from '../apply-workflow.ts';
import { looksLikeFile } from '../definition-files.ts';
import { usageFailure } from '../failure.ts';
import { resolveWorkflow, type WorkflowName } from '../references.ts';
import { collectList, collectText, openSession, wholeNumber, type Host, type Session } from '../session.ts';
import { examples } from '../examples.ts';
import { writePlan } from '../plan-table.ts';
import { afterSubmit, checkWaitFlags } from '../submitted-run.ts';
import { waitFlags, type WaitFlags } from '../wait-flags.ts';

interface RunFlags extends WaitFlags {
  param?: string[];
  project?: string;
  fromNode?: string[];
  dep: NodeDep;
  tasks?: string[];
  select?: string[];
  date?: string;
  zone?: string;
  dryRun?: boolean;
  failurePolicy?: FailurePolicy;
  priority?: Priority;
  workerGroup?: string;
  environment?: string;
  workflowVersion?: number;
}

/** `pelorus run <workflow|file>` */
export function addRunCommand(program: Command, host: Host): void {
  const run = program
    .command('run <workflow>')
    .description('run a workflow by name, or a definition file (which is applied first)')
    .option('-p, --param <name=value>', 'a start parameter; may be repeated', collectText)
    .option('--project <name>', 'the project; of a file: where to save it')
    .option('--from-node <task>', 'begin at this task; may be repeated, or a list with commas', collectList)
    .addOption(
      new Option('--dep <which>', 'with --from-node: the task alone, its predecessors too, or its successors too')
        .choices(['node', 'pre', 'post'])
        .default('node'),
    )
    .option('--tasks <a,b>', 'exactly these tasks', collectList)
    .addOption(new Option('--select <a,b>', 'the same as --tasks').argParser(collectList).conflicts('tasks'))
    .option('--date <date>', 'logical date: 2024-03-15 or RFC 3339')
    .option('--zone <name>', 'zone of the logical date, e.g. Europe/Berlin')
    .option('--dry-run', 'show what would be executed; start nothing')
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
  waitFlags(run)
    .addHelpText(
      'after',
      examples(
        'pelorus run seattle-weather --watch -p year=2014',
        'pelorus run samples/hello -p name=Ada --wait -o json',
        'pelorus run ./flow.yaml --watch',
        'pelorus run etl --from-node load --dep post --dry-run',
      ),
    )
    .action(async (written: string, flags: RunFlags, command: Command) =>
      runWorkflow(openSession(command, host), written, flags),
    );
}

async function runWorkflow(session: Session, written: string, flags: RunFlags): Promise<void> {
  checkWaitFlags(flags);
  const name = await workflowToRun(session, written, flags);
  const request = await requestOf(session, name, flags);
  if (flags.dryRun === true)
    return writePlan(session, (await session.client.runs.preview(request, session.signal)).plan);
  const submitted = await session.client.runs.submit(request, { signal: session.signal });
  await afterSubmit(session, submitted, flags, { what: `${name.project}/${name.workflow} run`, more: name });
}

/** A file is saved first; with --dry-run it is not, so it must have been saved before. */
async function workflowToRun(session: Session, written: string, flags: RunFlags): Promise<WorkflowName> {
  if (!looksLikeFile(written)) return resolveWorkflow(session.client, written, flags.project, session.signal);
  const applied = await applyFile(session, written, { project: flags.project ?? null, dryRun: false });
  session.terminal.err.write(
    applied.changed ? `${applied.project}/${applied.name} saved as version ${applied.version}\n` : '',
  );
  return { project: applied.project, workflow: applied.name };
}

async function requestOf(session: Session, name: WorkflowName, flags: RunFlags): Promise<RunRequest> {
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
    ...(flags.date === undefined ? {} : { logicalDate: logicalDate(flags.date) }),
    ...(flags.zone === undefined ? {} : { zone: flags.zone }),
  };
}

/** Texts become what the workflow declares; what does not fit is sent as it is, and the server says what is wrong with it. */
async function paramsOf(
  session: Session,
  { project, workflow }: WorkflowName,
  flags: RunFlags,
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

function logicalDate(text: string): string {
  const full = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  if (Number.isNaN(Date.parse(full)))
    throw usageFailure(`--date must be like 2024-03-15 or 2024-03-15T13:45:00Z, not "${text}"`);
  return full;
}
