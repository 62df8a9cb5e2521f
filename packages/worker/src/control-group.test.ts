import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findControlGroup, groupDirectories, isRunnable, parseBytes, parseQuota, statOf } from './control-group.ts';

const MIB = 2 ** 20;

describe('files of control groups', () => {
  it('hold bytes, or none at all', () => {
    expect(parseBytes('536870912\n')).toBe(512 * MIB);
    for (const none of ['max\n', '9223372036854771712\n', '', 'x', '-1\n']) expect(parseBytes(none)).toBeNull();
  });

  it('hold a quota per period, or none', () => {
    expect(parseQuota('150000 100000\n')).toBe(1.5);
    for (const none of ['max 100000\n', '-1 100000\n', '0 100000\n', '5', '']) expect(parseQuota(none)).toBeNull();
  });

  it('hold figures by name', () => {
    const text = 'cache 5\ninactive_file 7\ntotal_inactive_file 9\n';
    expect([statOf(text, 'inactive_file'), statOf(text, 'total_inactive_file'), statOf(text, 'rss')]).toEqual([
      7, 9, 0,
    ]);
  });

  it('count as running what a load average counts, whatever a process is called', () => {
    const states = ['7 (node) R 1', '7 (a) D) D 1', '7 (R) S 1', '7 (x R) Z 1', ''];
    expect(states.map(isRunnable)).toEqual([true, true, false, false, false]);
  });
});

describe('the control groups of a process', () => {
  let mount: string;
  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), 'pelorus-groups-'));
  });
  afterEach(() => rmSync(mount, { recursive: true }));

  function group(path: string, files: Record<string, string>): void {
    mkdirSync(join(mount, path), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(mount, path, name), `${text}\n`);
  }

  function placesWith(membership: string): { membership: string; mount: string } {
    const path = join(mount, 'membership');
    writeFileSync(path, membership);
    return { membership: path, mount };
  }

  it('limit by version 2 where nothing is left soonest, also above; idle file pages are no use of memory', () => {
    group('pod', {
      'memory.max': '1000',
      'memory.current': '990',
      'memory.stat': 'inactive_file 90',
      'cpu.max': 'max 100000',
    });
    group('pod/task', {
      'memory.max': '500',
      'memory.current': '350',
      'memory.stat': 'inactive_file 50',
      'cpu.max': '50000 100000',
    });
    const found = findControlGroup(placesWith('0::/pod/task\n'));
    expect(found.memory()).toEqual({ limitBytes: 1000, usedBytes: 900 });
    expect(found.cpuQuota()).toBe(0.5);
  });

  it('limit by version 1, each controller in its own tree', () => {
    group('memory/docker/a', {
      'memory.limit_in_bytes': '500',
      'memory.usage_in_bytes': '400',
      'memory.stat': 'total_inactive_file 100',
    });
    group('memory', { 'memory.limit_in_bytes': '9223372036854771712', 'memory.usage_in_bytes': '5' });
    group('cpu/docker', { 'cpu.cfs_quota_us': '250000', 'cpu.cfs_period_us': '100000' });
    group('cpu/docker/a', { 'cpu.cfs_quota_us': '-1', 'cpu.cfs_period_us': '100000' });
    const found = findControlGroup(placesWith('4:memory:/docker/a\n1:cpu,cpuacct:/docker/a\n0::/\n'));
    expect(found.memory()).toEqual({ limitBytes: 500, usedBytes: 300 });
    expect(found.cpuQuota()).toBe(2.5);
  });

  it('are those at the mount where the container does not see the path', () => {
    group('memory', { 'memory.limit_in_bytes': '500', 'memory.usage_in_bytes': '100' });
    const places = placesWith('4:memory:/docker/not/here\n');
    expect(groupDirectories('memory', places)).toEqual([join(mount, 'memory')]);
    expect(findControlGroup(places).memory()).toEqual({ limitBytes: 500, usedBytes: 100 });
  });

  it('limit nothing where there are none, or none that can be read', () => {
    const nowhere = { membership: join(mount, 'absent'), mount };
    for (const places of [nowhere, placesWith('0::/\n'), placesWith('nonsense')]) {
      const found = findControlGroup(places);
      expect([found.memory(), found.cpuQuota(), found.runnable()]).toEqual([null, null, 0]);
    }
  });
});

/** A group below our own, of whichever version this machine has and lets us make; null: it does not. */
function realGroup(controller: 'memory' | 'cpu'): string | null {
  const [above] = groupDirectories(controller);
  if (above === undefined) return null;
  const path = join(above, `pelorus-test-${process.pid}`);
  try {
    mkdirSync(path);
    const [name, limit] =
      controller === 'memory'
        ? [existsSync(join(path, 'memory.max')) ? 'memory.max' : 'memory.limit_in_bytes', String(256 * MIB)]
        : existsSync(join(path, 'cpu.max'))
          ? ['cpu.max', '150000 100000']
          : ['cpu.cfs_quota_us', '150000'];
    writeFileSync(join(path, name), limit);
    return path;
  } catch {
    if (existsSync(path)) rmdirSync(path);
    return null;
  }
}

describe('a worker in a container', () => {
  const groups = { memory: realGroup('memory'), cpu: realGroup('cpu') };
  const reader = new URL('./host-reader.ts', import.meta.url).href;

  it.skipIf(groups.memory === null || groups.cpu === null)('reads its limits instead of the host', async () => {
    const program = `import { createHostReader } from '${reader}'; console.log(JSON.stringify(createHostReader()()))`;
    const enter = Object.values(groups).map((path) => `echo $$ > ${path}/cgroup.procs`);
    const command = `${enter.join(' && ')} && exec "$0" --input-type=module -e "$1"`;
    try {
      const { stdout } = await promisify(execFile)('sh', ['-c', command, process.execPath, program]);
      const reading = JSON.parse(stdout) as Record<
        'totalMemoryBytes' | 'freeMemoryBytes' | 'cpuCount' | 'loadAverage',
        number
      >;
      expect(reading).toMatchObject({ totalMemoryBytes: 256 * MIB, cpuCount: 2, loadAverage: expect.any(Number) });
      expect(reading.freeMemoryBytes).toBeGreaterThan(32 * MIB);
      expect(reading.freeMemoryBytes).toBeLessThan(256 * MIB);
    } finally {
      // It is busy until the last thread of the process has left it.
      for (const path of Object.values(groups)) await vi.waitFor(() => rmdirSync(path!), { timeout: 60_000 });
    }
  });
});
