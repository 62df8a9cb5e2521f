/**
 * Runs one command after the other for tests, as the binary would each in a process of its own, which costs ten times as
 * much. Each gets its own directory, variables and standard input; what it writes and its exit code go back.
 */
import { runCommandLine } from '../src/command-line.ts';
import type { CommandRequest, CommandResult } from './dev-process.ts';

process.on('message', (request: CommandRequest) => void answer(request));
process.on('disconnect', () => process.exit());

async function answer({ directory, variables, input, words }: CommandRequest): Promise<void> {
  process.exitCode = undefined;
  process.chdir(directory);
  const stdout = collect(process.stdout);
  const stderr = collect(process.stderr);
  const interrupt = new AbortController();
  await runCommandLine(
    { variables, directory, readStdin: async () => input, now: Date.now, interrupt: () => interrupt.signal },
    words,
  );
  const result: CommandResult = { code: Number(process.exitCode ?? 0), stdout: stdout(), stderr: stderr() };
  process.exitCode = undefined;
  process.send?.(result);
}

/** What is written from now on; it goes nowhere else. */
function collect(stream: NodeJS.WriteStream): () => string {
  const chunks: Buffer[] = [];
  stream.write = (chunk: string | Uint8Array, encodingOrDone?: unknown, done?: () => void): boolean => {
    chunks.push(Buffer.from(chunk));
    const written = typeof encodingOrDone === 'function' ? (encodingOrDone as () => void) : done;
    if (written) process.nextTick(written);
    return true;
  };
  return () => Buffer.concat(chunks).toString('utf8');
}
