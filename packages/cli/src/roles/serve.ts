/** The life of a process that is one role of a cluster: until it is told to end, or is over against its will. */
import { EXIT } from '../exit-codes.ts';
import type { Session } from '../session.ts';
import { interrupted } from '../interrupted.ts';
import { pause } from '../pace.ts';
import type { Role } from './role.ts';

/** What the process may take to end by itself once its role has. */
const LINGER_MS = 1_000;

/**
 * Starts the role and serves until SIGTERM or Ctrl-C; a second one ends the process at once. The process ends with code 1 when the
 * role was over against its will, so that whoever looks after it starts another.
 */
export async function serveRole(
  session: Session,
  options: { name: string; drainMs: number; start: () => Promise<Role> },
): Promise<void> {
  const { err } = session.terminal;
  const { name, drainMs } = options;
  const role = await options.start();
  const places = Object.entries(role.listening).map(([what, where]) => `${what} ${where}`);
  err.write(`${name} started: ${places.join(', ')}\n`);
  const reason = await Promise.race([interrupted(session.signal), role.over.then(() => 'over' as const)]);
  if (reason === 'over') process.exitCode = EXIT.unexpected;
  else err.write(`${name} is ending; again ends it at once\n`);
  const { leftRunning } = await role.stop(reason === 'over' ? 0 : drainMs);
  if (leftRunning > 0)
    err.write(
      `${leftRunning} attempts still run: the supervisor lets them go on until their leases end, and the next start on this data directory takes them over\n`,
    );
  // What did not end in time, a connection to a host that is gone for instance, must not keep the process.
  void pause(LINGER_MS).then(() => process.exit());
}
