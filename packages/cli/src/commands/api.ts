import type { Command } from 'commander';
import { usageFailure } from '../failure.ts';
import { writeItem } from '../output.ts';
import { openSession, type Host } from '../session.ts';
import { examples } from '../examples.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** `pelorus api GET /runs`: any call, with the address and token that the other commands use. */
export function addApiCommand(program: Command, host: Host): void {
  program
    .command('api <method> <path>')
    .description('call the HTTP API; the path is below /api/v1 and may hold a query')
    .option('-d, --data <json>', 'the body; @file reads it from a file, - from standard input')
    .addHelpText(
      'after',
      examples(
        'pelorus api GET "/runs?limit=5"',
        'pelorus api GET /executors/12',
        `pelorus api POST /runs -d '{"project":"samples","workflow":"hello"}'`,
      ),
    )
    .action(async (method: string, path: string, flags: { data?: string }, command: Command) => {
      if (!METHODS.includes(method.toUpperCase())) throw usageFailure(`${method} is not one of ${METHODS.join(', ')}`);
      if (!path.startsWith('/'))
        throw usageFailure(`the path must begin with /, not "${path}"`, `pelorus api ${method} /${path}`);
      const session = openSession(command, host);
      const body = flags.data === undefined ? {} : { body: await bodyOf(flags.data, host) };
      const answer = await session.client.request({
        method: method.toUpperCase(),
        path: path.replace(/^\/api\/v1(?=\/)/, ''),
        signal: session.signal,
        ...body,
      });
      if (answer === undefined) return;
      writeItem(session.terminal.out, session.format, {
        value: answer,
        name: '',
        text: () => `${JSON.stringify(answer, null, 2)}\n`,
      });
    });
}

async function bodyOf(written: string, host: Host): Promise<string> {
  if (written === '-') return host.readStdin();
  if (!written.startsWith('@')) return written;
  const { readFile } = await import('node:fs/promises');
  return readFile(written.slice(1), 'utf8').catch((cause: unknown) => {
    throw usageFailure(`${written.slice(1)} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  });
}
