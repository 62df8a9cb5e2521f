/** The process: runs the command, says what went wrong, sets the exit code. */
import { CommanderError } from 'commander';
import { processVariables } from './environment.ts';
import { EXIT } from './exit-codes.ts';
import { failureOf, failureText } from './failure.ts';
import { buildProgram } from './program.ts';
import type { Host } from './session.ts';
import { endWithoutReaders } from './terminal.ts';

/** One key may arrive twice: from the terminal, and passed on by npm. */
const SAME_KEY_MS = 300;

/** The `pelorus` of this process: its words, variables, streams and signals. */
export async function runProcess(): Promise<void> {
  let interruption: AbortController | null = null;
  const host: Host = {
    variables: processVariables(),
    directory: process.cwd(),
    readStdin,
    now: Date.now,
    interrupt: () => {
      interruption ??= armInterruption();
      return interruption.signal;
    },
  };
  endWithoutReaders();
  await runCommandLine(host, process.argv.slice(2));
}

/** Runs one command; the exit code is then that of the process, and what went wrong is on standard error. Never rejects. */
export async function runCommandLine(host: Host, words: string[]): Promise<void> {
  let signal: AbortSignal | null = null;
  const interrupt = (): AbortSignal => (signal = host.interrupt());
  try {
    await buildProgram({ ...host, interrupt }).parseAsync(words, { from: 'user' });
  } catch (thrown) {
    report(thrown, signal);
  }
}

/** The first Ctrl-C ends what is being waited for, in good order; a second one ends the process. */
function armInterruption(): AbortController {
  const controller = new AbortController();
  let sameKeyUntil = Infinity;
  const interrupt = (): void => {
    if (!controller.signal.aborted) {
      controller.abort(new Error('interrupted'));
      // From when the process hears again: what it does at once may take longer than that on a busy machine.
      setImmediate(() => (sameKeyUntil = performance.now() + SAME_KEY_MS));
    } else if (performance.now() > sameKeyUntil) process.exit(EXIT.interrupted);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return controller;
}

function report(thrown: unknown, signal: AbortSignal | null): void {
  if (thrown instanceof CommanderError) {
    process.exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return;
  }
  const failure = failureOf(thrown);
  const isInterrupted = signal?.aborted === true && failure.exitCode === EXIT.unexpected;
  // Before it is said: where nobody reads that, the process ends with it.
  process.exitCode = isInterrupted ? EXIT.interrupted : failure.exitCode;
  if (isInterrupted) return;
  process.stderr.write(failureText(failure, failure.exitCode === EXIT.interrupted ? 'interrupted:' : 'error:'));
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
