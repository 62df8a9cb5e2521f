import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { ShellAction } from '@pelorus/protocol';
import { specOf } from '../../test/fixture.ts';
import { outputToFile, prepareLaunch } from './launch-script.ts';

const workDir = mkdtempSync(join(tmpdir(), 'pelorus-launch-'));
const place = { workDir, outputFile: `${workDir}.output` };
afterAll(() => rmSync(workDir, { recursive: true }));

/** The last line of the launch text. */
function execLine(run: string, more: Partial<ShellAction> = {}): string {
  const action: ShellAction = { type: 'shell', run, file: null, shell: 'sh', substitution: 'env', ...more };
  const prepared = prepareLaunch(specOf('1.0.1', action), action, place);
  if ('problem' in prepared) throw new Error(prepared.problem);
  return prepared.launch(outputToFile('/log')).trimEnd().split('\n').at(-1) ?? '';
}

test.each<[string, Partial<ShellAction>, string]>([
  ['python3 load.py --day=1', {}, "exec 'python3' 'load.py' '--day=1'"],
  [' ./go.sh  a \n', {}, "exec './go.sh' 'a'"],
  ['echo a', {}, "exec 'sh' '-c' 'echo a' '.pelorus-task.sh'"],
  ['python3 load.py $day', {}, "exec 'sh' '-c' 'python3 load.py $day' '.pelorus-task.sh'"],
  ['python3 a.py; python3 b.py', {}, "exec 'sh' '-c' 'python3 a.py; python3 b.py' '.pelorus-task.sh'"],
  ['A=1 python3 a.py', {}, "exec 'sh' '-c' 'A=1 python3 a.py' '.pelorus-task.sh'"],
  ['A=1/2 x', {}, "exec 'sh' '-c' 'A=1/2 x' '.pelorus-task.sh'"],
  ['python3 *.py', {}, "exec 'sh' '-c' 'python3 *.py' '.pelorus-task.sh'"],
  ['~/go.sh', {}, "exec 'sh' '-c' '~/go.sh' '.pelorus-task.sh'"],
  ['sh -c true', { shell: 'bash -x' }, "exec 'bash' '-x' '-c' 'sh -c true' '.pelorus-task.sh'"],
  ["echo 'it'", { shell: '/bin/bash' }, `exec '/bin/bash' '-c' 'echo '\\''it'\\''' '.pelorus-task.sh'`],
  ['sh -c true', { substitution: 'text' }, "exec 'sh' './.pelorus-task.sh'"],
  ['sh -c true', { shell: 'fish' }, "exec 'fish' './.pelorus-task.sh'"],
  ['-x', {}, "exec 'sh' './.pelorus-task.sh'"],
])('%j with %j is run by %s', (run, more, expected) => {
  expect(execLine(run, more)).toBe(expected);
  if (!expected.endsWith("'./.pelorus-task.sh'")) return;
  expect(readFileSync(join(workDir, '.pelorus-task.sh'), 'utf8')).toBe(`${run}\n`);
});

test('a value that no environment variable can hold is a problem, not a broken launch', () => {
  const action: ShellAction = { type: 'shell', run: 'true', file: null, shell: 'sh', substitution: 'env' };
  const launch = (p: string): unknown => prepareLaunch(specOf('1.0.1', action, { params: { p } }), action, place);
  expect(launch('a\0b')).toEqual({ problem: 'the value of p holds a zero byte, which no environment variable can' });
  expect(launch('x'.repeat(131_070))).toEqual({
    problem: 'the value of p has 131070 bytes; an environment variable holds at most 131072',
  });
});
