import type { RunRequest } from '@pelorus/protocol';
import type { Command } from 'commander';
import { applyFile } from '../apply-workflow.ts';
import { looksLikeFile } from '../definition-files.ts';
import { examples } from '../examples.ts';
import { writePlan } from '../plan-table.ts';
import { resolveWorkflow, type WorkflowName } from '../references.ts';
import { addRunOrder, instantFlag, runOrderOf, type RunOrderFlags } from '../run-order.ts';
import { openSession, type Host, type Session } from '../session.ts';
import { afterSubmit, checkWaitFlags } from '../submitted-run.ts';
import { waitFlags, type WaitFlags } from '../wait-flags.ts';

interface RunFlags extends WaitFlags, RunOrderFlags {
  project?: string;
  date?: string;
  dryRun?: boolean;
}

/** `pelorus run <workflow|file>` */
export function addRunCommand(program: Command, host: Host): void {
  const run = addRunOrder(
    program
      .command('run <workflow>')
      .description('run a workflow by name, or a definition file (which is applied first)'),
  )
    .option('--project <name>', 'the project; of a file: where to save it')
    .option('--date <date>', 'logical date: 2024-03-15 or RFC 3339')
    .option('--dry-run', 'show what would be executed; start nothing');
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
  const order = await runOrderOf(session, name, flags);
  return { ...order, ...(flags.date === undefined ? {} : { logicalDate: instantFlag('--date', flags.date) }) };
}
