/** `pelorus … | head`: the reader goes away. Help and completion ended with a stack that began with EPIPE, and with code 1. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const BIN = fileURLToPath(new URL('../bin/pelorus.mjs', import.meta.url));

/** The exit code of the command, whose output of that number nobody reads, and what it said on the other. */
async function unread(descriptor: 1 | 2, ...args: string[]): Promise<string> {
  const [streams, other] = descriptor === 1 ? ['2>&3', 'exec 3>&1'] : ['2>&1 1>&3', 'exec 3>&1'];
  const script = `${other}; { "$@" ${streams}; echo "code $?" >&3; } | { exec 0<&-; sleep 0; }`;
  return (await run('/bin/sh', ['-c', script, 'sh', process.execPath, BIN, ...args])).stdout;
}

test.each([
  [1, ['--help'], 'code 0\n'],
  [1, ['completion', 'bash'], 'code 0\n'],
  [1, ['version'], 'code 0\n'],
  [2, ['nonsense'], 'code 2\n'],
] as const)('where nobody reads output %i, `%s` ends quietly with its code', async (descriptor, args, said) => {
  expect(await unread(descriptor, ...args)).toBe(said);
});
