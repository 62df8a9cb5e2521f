/**
 * The supervisor's process. Started detached by the agent with one argument, its options as JSON; ends at once, with
 * status 0, when another supervisor has the data directory. Started again by its guardian when it dies.
 */
import { mkdirSync } from 'node:fs';
import { removeSealKey } from '../secrets/seal.ts';
import { hostEnvironment } from '../task-environment.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { Guardian } from './guardian.ts';
import { removeSocketDirectory, supervisorSocketPath } from './socket-path.ts';
import { Supervisor, type SupervisorOptions } from './supervisor.ts';

export type SupervisorArgument = Pick<SupervisorOptions, 'dataDir' | 'settings' | 'lonelyMs'>;

/** The agent that wrote this argument is of the same installation. */
function parseArgument(text: string | undefined): SupervisorArgument {
  if (text === undefined) throw new Error('usage: supervisor <options as JSON>');
  return JSON.parse(text) as SupervisorArgument;
}

const argument = parseArgument(process.argv[2]);
mkdirSync(argument.dataDir, { recursive: true, mode: 0o700 });
const lock = lockDataDir(argument.dataDir);
if (lock) {
  // Only an order or loneliness ends it: whoever stops the service must not stop its tasks with it.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const socketPath = supervisorSocketPath(argument.dataDir);
  const supervisor = new Supervisor({ ...argument, env: hostEnvironment(process.env), socketPath });
  await supervisor.run();
  const guardian = new Guardian(argument.dataDir, process.argv[2] ?? '');
  guardian.start();
  await supervisor.finished;
  guardian.dismiss();
  removeSocketDirectory(argument.dataDir, socketPath);
  removeSealKey(argument.dataDir);
  lock.release();
}
process.exit(0);
