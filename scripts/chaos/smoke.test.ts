/** The bed itself, for a few seconds: a storm that is survived, and one that is interrupted; neither leaves anything behind. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findPostgres } from './database-server.ts';
import { processesOf } from './processes.ts';

const MAIN = fileURLToPath(new URL('../chaos.ts', import.meta.url));
const FAULTS = 'master-kill,worker-kill,supervisor-kill,api-kill,store-crash,cut-commit,reset,duplicate';

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function chaos(args: string[], onText: (stderr: string, interrupt: () => void) => void): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    onText(stderr, () => child.kill('SIGINT'));
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

const directoryOf = (stderr: string): string => /\S*pelorus-chaos-\w+/.exec(stderr)?.[0] ?? '';

describe.skipIf(findPostgres() === null)('a short storm', () => {
  test('is survived, and the last line says so', { timeout: 600_000 }, async () => {
    const shapes = 'chain,fan,retries,kill,stop,pause,again,nested,mixed,serial,group';
    const args = ['--seconds', '12', '--seed', '5', '--width', '10', '--settle', '240'];
    const { code, stdout, stderr } = await chaos([...args, '--faults', FAULTS, '--shapes', shapes], () => undefined);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout.trim().split('\n').at(-1)!);
    expect(report).toMatchObject({
      ok: true,
      seed: 5,
      lost: 0,
      doubled: 0,
      stalled: 0,
      wrong: 0,
      leftOver: 0,
      artefacts: null,
    });
    expect(report.load.runs).toBeGreaterThan(9);
    expect(report.faults.injected).toBeGreaterThan(2);
    const directory = directoryOf(stderr);
    expect([existsSync(directory), processesOf(directory)]).toEqual([false, []]);
  });

  test('that is interrupted ends its processes', async () => {
    let sent = false;
    const { code, stderr } = await chaos(['--seconds', '600', '--faults', ''], (text, interrupt) => {
      if (sent || !text.includes('under way')) return;
      sent = true;
      interrupt();
    });
    expect(code, stderr).toBe(130);
    const directory = directoryOf(stderr);
    expect([existsSync(directory), processesOf(directory)]).toEqual([false, []]);
  });
});
