import type { CommandAccepted } from '@pelorus/protocol';
import type { Command } from 'commander';
import { OUTCOME_WAIT_MS, reportCommand } from '../command-report.ts';
import { examples } from '../examples.ts';
import { resolveRun } from '../references.ts';
import { openSession, type Host, type Session } from '../session.ts';

interface TaskAction {
  name: string;
  description: string;
  send: (session: Session, run: number, task: string) => Promise<CommandAccepted>;
  done: (task: string) => string;
  asked: (task: string) => string;
}

const ACTIONS: TaskAction[] = [
  {
    name: 'kill',
    description: 'kill one task of a run: SIGTERM, then SIGKILL; it is not tried again',
    send: ({ client, signal }, run, task) => client.runs.killTask(run, task, { waitMs: OUTCOME_WAIT_MS, signal }),
    done: (task) => `task ${task} is being killed`,
    asked: (task) => `asked to kill task ${task}`,
  },
  {
    name: 'force-success',
    description: 'let a task that failed, or that waits to be executed, count as succeeded',
    send: ({ client, signal }, run, task) => client.runs.forceSuccess(run, task, { waitMs: OUTCOME_WAIT_MS, signal }),
    done: (task) => `task ${task} counts as succeeded`,
    asked: (task) => `asked to let task ${task} count as succeeded`,
  },
];

/** `pelorus task …` */
export function addTaskCommand(program: Command, host: Host): void {
  const parent = program.command('task').description('control single tasks of a run in progress');
  for (const action of ACTIONS)
    parent
      .command(`${action.name} <run> <task>`)
      .description(action.description)
      .addHelpText('after', examples(`pelorus task ${action.name} @latest load`, `pelorus task ${action.name} 12 load`))
      .action(async (written: string, task: string, _flags: object, command: Command) => {
        const session = openSession(command, host);
        const run = await resolveRun(session.client, written, session.signal);
        const accepted = await action.send(session, run, task);
        reportCommand(session, accepted, {
          done: `${action.done(task)} (run ${run}: ${accepted.state})`,
          asked: `${action.asked(task)} of run ${run}`,
        });
      });
}
