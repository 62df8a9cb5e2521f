/**
 * One round of: start `pelorus dev`, run fan-out with sleeping tasks, `kill -9` the process in the middle, start it again,
 * wait for the run. What must hold: the run ends succeeded, and every task was executed exactly once.
 */
import { join } from 'node:path';
import { isTerminalRun } from '@pelorus/protocol';
import { linesOf, until, type DevProcess, type Place } from './dev-process.ts';

export interface CrashRound {
  run: number;
  state: string;
  /** Tasks that had begun when the process was killed. */
  begunAtKill: number;
  /** Executions counted by the marks that tasks leave, in all and of different tasks. */
  executions: number;
  executedTasks: number;
  /** From the start of the second process to the end of the run. */
  recoveredMs: number;
}

export interface CrashOptions {
  place: Place;
  round: number;
  /** How long each task sleeps. */
  seconds: number;
  /** The process is killed once so many tasks have begun. */
  killAfter: number;
}

const TASKS = 202;

/** Throws when something takes too long; what has happened otherwise is for the caller to judge. */
export async function crashRound({ place, round, seconds, killAfter }: CrashOptions): Promise<CrashRound> {
  const marks = join(place.directory, `marks-${round}`);
  const first = await place.dev();
  const { id } = await first.client.runs.submit({
    project: 'samples',
    workflow: 'fan-out',
    params: { seconds, marks },
  });
  await until(
    () => linesOf(marks).length >= killAfter,
    () => `only ${linesOf(marks).length} tasks have begun\n${first.stderr()}`,
  );
  first.signal('SIGKILL');
  await first.ended;
  const begunAtKill = linesOf(marks).length;

  const restartedAt = Date.now();
  const second = await place.dev();
  const state = await endOf(second, id);
  const recoveredMs = Date.now() - restartedAt;
  second.signal('SIGINT');
  await second.ended;
  const executions = linesOf(marks);
  return {
    run: id,
    state,
    begunAtKill,
    executions: executions.length,
    executedTasks: new Set(executions).size,
    recoveredMs,
  };
}

/** Nothing wrong: succeeded, and each task once. */
export function isClean(round: CrashRound): boolean {
  return round.state === 'succeeded' && round.executions === TASKS && round.executedTasks === TASKS;
}

async function endOf(server: DevProcess, id: number): Promise<string> {
  let state = 'unknown';
  const ended = async (): Promise<boolean> => {
    const run = await server.client.runs.get(id);
    state = `${run.state}${run.waitReason === null ? '' : ` (${run.waitReason})`}`;
    return isTerminalRun(run.state);
  };
  await until(ended, () => `run ${id} is still ${state}\n${server.stderr()}`);
  return state;
}
