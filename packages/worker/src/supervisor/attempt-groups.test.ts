/** Where groups are made, on trees of files; what they do is proved on those of the machine (test/limits.test.ts). */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAttemptGroups } from './attempt-groups.ts';
import { limitsOutlook } from './limits-outlook.ts';

let mount: string;
beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'pelorus-groups-'));
});
afterEach(() => rmSync(mount, { recursive: true }));

const limits = { memoryBytes: 500, allMemoryBytes: 9_000, processes: 7, openFiles: 1, workDirBytes: 1 };

function group(path: string, files: Record<string, string>): void {
  mkdirSync(join(mount, path), { recursive: true });
  for (const [name, text] of Object.entries({ 'cgroup.procs': '', ...files }))
    writeFileSync(join(mount, path, name), text);
}

/** Whatever comes of it has been foretold. */
function open(membership: string): ReturnType<typeof openAttemptGroups> {
  writeFileSync(join(mount, 'membership'), membership);
  const places = { mount, membership: join(mount, 'membership') };
  const { kind, keeps, missing } = limitsOutlook(places);
  const groups = openAttemptGroups('/data', () => limits, places);
  expect({ kind, keeps }).toEqual({ kind: groups?.kind ?? 'rlimit', keeps: groups?.keeps ?? [] });
  expect(missing === null).toBe(keeps.length === 2);
  return groups;
}

const UNIFIED = { 'cgroup.controllers': 'cpu memory pids', 'cgroup.subtree_control': 'memory pids' };

test('version 2: beside the subgroup in which systemd keeps the service', () => {
  group('', UNIFIED);
  group('system.slice/pelorus-worker.service', UNIFIED);
  group('system.slice/pelorus-worker.service/pelorus-service', { 'cgroup.procs': '41\n' });
  const groups = open('0::/system.slice/pelorus-worker.service/pelorus-service\n');
  expect(groups?.keeps).toEqual(['memory', 'pids']);
  const made = groups?.make();
  const [join1] = made?.joinFiles ?? [];
  const directory = join1!.replace(/\/cgroup.procs$/, '');
  expect(directory).toMatch(/pelorus-worker\.service\/pelorus-[0-9a-f]{16}\/\d+-1$/);
  expect(readFileSync(join(directory, 'memory.max'), 'utf8')).toBe('500');
  expect(readFileSync(join(directory, 'pids.max'), 'utf8')).toBe('7');
  expect(readFileSync(join(directory, '../memory.max'), 'utf8')).toBe('9000');
  // One that an earlier supervisor has left, with what is in it.
  writeFileSync(join(directory, 'cgroup.controllers'), 'memory pids');
  writeFileSync(join(directory, 'cgroup.procs'), '5\n6\n');
  writeFileSync(join(directory, 'memory.events'), 'oom 4\noom_kill 3\n');
  const found = groups?.find(made?.name ?? '');
  expect([found?.pids(), found?.oomKills(), found?.forksRefused()]).toEqual([[5, 6], 3, 0]);
  // With its files kept open one reads what is in them now, all of it.
  found?.keepOpen();
  expect(found?.pids()).toEqual([5, 6]);
  const many = Array.from({ length: 5_000 }, (_, index) => index);
  writeFileSync(join(directory, 'cgroup.procs'), many.join('\n'));
  expect([made?.pids(), found?.pids()]).toEqual([many, many]);
  groups?.discard(found!);
  writeFileSync(join(directory, 'cgroup.procs'), '7\n');
  expect([made?.pids(), found?.pids()]).toEqual([[7], [7]]);
  expect(groups?.find('1-1')).toBeNull();
});

test.each([
  ['a session in which others are', '/user.slice/session-3.scope'],
  ['a service without a subgroup', '/system.slice/pelorus-worker.service'],
])('version 2: %s is left as it is', (_what, path) => {
  // A group with processes in it hands nothing on: here by a directory in the way of the write.
  group(path, { 'cgroup.controllers': 'memory pids', 'cgroup.procs': '41\n' });
  mkdirSync(join(mount, path, 'cgroup.subtree_control'));
  group('', UNIFIED);
  expect(open(`0::${path}\n`)).toBeNull();
  expect(limitsOutlook({ mount, membership: join(mount, 'membership') }).missing).toBe(
    `no groups may be made below ${join(mount, path)}; a systemd service may with Delegate=memory pids and DelegateSubgroup=pelorus-service, a container when it is privileged`,
  );
  expect(readdirSync(join(mount, path)).toSorted()).toEqual([
    'cgroup.controllers',
    'cgroup.procs',
    'cgroup.subtree_control',
  ]);
});

test('what a worker left that never came back is removed when it is old, and empty', () => {
  group('', UNIFIED);
  const [old, used, young] = ['0', '1', '2'].map((digit) => join(mount, `pelorus-${digit.repeat(16)}`));
  for (const directory of [old!, used!, young!]) mkdirSync(join(directory, '7-1'), { recursive: true });
  writeFileSync(join(used!, '7-1/cgroup.procs'), '7\n');
  const long = Date.now() / 1_000 - 7_200;
  for (const path of [`${old}/7-1`, `${used}/7-1`, old!, used!]) utimesSync(path, long, long);
  // On cgroupfs a directory's time is that of its making; here it changes with what is in it.
  open('0::/\n');
  utimesSync(old!, long, long);
  open('0::/\n');
  expect([old!, `${used}/7-1`, `${young}/7-1`].map((path) => existsSync(path))).toEqual([false, true, true]);
});

test('version 1: controller by controller', () => {
  group('memory/jobs', {});
  group('pids', {});
  expect(open('4:memory:/jobs\n')?.keeps).toEqual(['memory']);
  expect(open('8:pids:/unseen\n4:memory:/jobs\n')).toMatchObject({ keeps: ['memory', 'pids'], kind: 'cgroup1' });
});

test('without any there are none', () => {
  expect(open('0::/\n')).toBeNull();
  expect(open('')).toBeNull();
});
