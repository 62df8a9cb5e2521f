/** How people name runs and workflows on the command line, resolved to what the API wants. */
import type { RunView, TaskView, WorkflowSummary } from '@pelorus/protocol';
import { parseRunId } from '@pelorus/protocol/vocabulary';
import type { Client } from '@pelorus/sdk';
import { EXIT } from './exit-codes.ts';
import { Failure, usageFailure } from './failure.ts';

const PAGE = 500;
/** Runs looked at to find the one submitted last. */
const LATEST_AMONG = 50;

export interface WorkflowName {
  project: string;
  workflow: string;
}

/** `project/workflow`, or `workflow` when only one project has it. */
export async function resolveWorkflow(
  client: Client,
  written: string,
  project: string | undefined,
  signal: AbortSignal,
): Promise<WorkflowName> {
  const slash = written.indexOf('/');
  if (slash >= 0) return { project: written.slice(0, slash), workflow: written.slice(slash + 1) };
  if (project !== undefined) return { project, workflow: written };

  const all = await listWorkflows(client, {}, signal);
  const found = all.filter((one) => one.name === written);
  const [only] = found;
  if (only !== undefined && found.length === 1) return { project: only.project, workflow: only.name };
  if (only !== undefined) throw ambiguous(written, found);
  throw new Failure({
    exitCode: EXIT.notFound,
    what: `there is no workflow "${written}"`,
    why:
      all.length === 0 ? 'the server has no workflows' : `none of the server's ${all.length} workflows has that name`,
    todo: 'pelorus workflow list, or pelorus apply -f <file> to save one',
  });
}

/** Every workflow of the server or of one project. */
export async function listWorkflows(
  client: Client,
  filter: { project?: string },
  signal: AbortSignal,
): Promise<WorkflowSummary[]> {
  const all: WorkflowSummary[] = [];
  let cursor: string | null = null;
  do {
    const page = await client.workflows.list(
      { ...filter, limit: PAGE, ...(cursor === null ? {} : { cursor }) },
      signal,
    );
    all.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

/** A run id, or `@latest`: the run submitted last. */
export async function resolveRun(client: Client, written: string, signal: AbortSignal): Promise<number> {
  if (written === '@latest') return latestRun(client, signal);
  const id = parseRunId(written);
  if (id === null)
    throw usageFailure(`"${written}" is not a run`, 'give its number as `pelorus runs list` shows it, or @latest');
  return id;
}

async function latestRun(client: Client, signal: AbortSignal): Promise<number> {
  const page = await client.runs.list({ limit: LATEST_AMONG }, signal);
  const latest = page.items.reduce<RunView | null>(
    (last, run) => (last === null || run.id > last.id ? run : last),
    null,
  );
  if (latest !== null) return latest.id;
  throw new Failure({ exitCode: EXIT.notFound, what: 'there is no run yet', todo: 'pelorus run <workflow> --watch' });
}

/** The task of that name, or a failure that says which there are. */
export function taskNamed(tasks: TaskView[], name: string, run: number): TaskView {
  const task = tasks.find((one) => one.name === name);
  if (task !== undefined) return task;
  const some = tasks
    .slice(0, 12)
    .map((one) => one.name)
    .join(', ');
  throw new Failure({
    exitCode: EXIT.notFound,
    what: `run ${run} has no task "${name}"`,
    why: `its tasks are ${some}${tasks.length > 12 ? ` and ${tasks.length - 12} more` : ''}`,
    todo: `pelorus runs get ${run}`,
  });
}

function ambiguous(written: string, found: WorkflowSummary[]): Failure {
  const names = found.map((one) => `${one.project}/${one.name}`);
  return usageFailure(
    `"${written}" is in ${found.length} projects: ${names.join(', ')}`,
    `name one of them, e.g. ${names[0]}`,
  );
}
