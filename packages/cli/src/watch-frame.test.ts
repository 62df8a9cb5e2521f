import type { RunView, TaskView } from '@pelorus/protocol';
import { expect, test } from 'vitest';
import { aRun, aTask } from '../test/views.ts';
import { textWidth } from './text-width.ts';
import { watchFrame } from './watch-frame.ts';

const SIZE = { columns: 80, rows: 24, colour: false, now: Date.parse('2026-01-01T00:00:10Z') };

function frame(run: Partial<RunView>, tasks: TaskView[], size: Partial<typeof SIZE> = {}): string[] {
  return watchFrame({ run: { ...aRun, taskCount: tasks.length, ...run }, tasks }, { ...SIZE, ...size });
}

test('a small run shows every task with its state, elapsed time and cause', () => {
  const tasks = [
    aTask({
      name: 'extract',
      state: 'succeeded',
      startedAt: '2026-01-01T00:00:00Z',
      endedAt: '2026-01-01T00:00:01.5Z',
    }),
    aTask({ name: 'load', state: 'running', startedAt: '2026-01-01T00:00:02Z' }),
    aTask({ name: 'check', state: 'failed', cause: { kind: 'exit', code: 2 } }),
    aTask({ name: 'publish', state: 'queued', waitReason: 'no_worker' }),
  ];
  const run = {
    state: 'running' as const,
    startedAt: '2026-01-01T00:00:00Z',
    progress: 0.5,
    counts: { succeeded: 1, running: 1, failed: 1, queued: 1 },
  };
  expect(frame(run, tasks)).toEqual([
    'samples/demo  run 4  running  10.0 s',
    `${'█'.repeat(15)}${'░'.repeat(15)}  50 %`,
    '  ✔ extract  succeeded    1.5 s',
    '  ● load     running      8.0 s',
    '  ✖ check    failed       exit code 2',
    '  · publish  queued       no_worker',
    '  1 succeeded  1 running  1 failed  1 queued',
  ]);
});

test('what is left is shown once something is known of it', () => {
  const run = { state: 'running' as const, progress: 0.5, estimatedRemainingMs: 95_000 };
  expect(frame(run, [])[1]).toBe(`${'█'.repeat(15)}${'░'.repeat(15)}  50 %  about 1:35 left`);
  expect(frame({ ...run, estimatedRemainingMs: 0 }, [])[1]).toMatch(/50 %$/);
});

test('a large run shows what failed and what runs longest, and counts the rest', () => {
  const tasks = Array.from({ length: 500 }, (_, index) => aTask({ name: `t${index}`, index, state: 'pending' }));
  tasks[100] = aTask({ name: 'late', index: 100, state: 'running', startedAt: '2026-01-01T00:00:09Z' });
  tasks[300] = aTask({ name: 'early', index: 300, state: 'running', startedAt: '2026-01-01T00:00:01Z' });
  tasks[450] = aTask({
    name: 'broken',
    index: 450,
    state: 'failed',
    startedAt: '2026-01-01T00:00:05Z',
    cause: { kind: 'oom' },
  });
  const lines = frame({ counts: { running: 2, failed: 1 } }, tasks);
  expect(lines.slice(2, -1).map((line) => line.trim().split(/\s+/)[1])).toEqual(['broken', 'early', 'late']);
  expect(lines.at(-1)).toBe('  2 running  1 failed  497 pending');
});

test('the picture fits into any terminal', () => {
  const tasks = Array.from({ length: 50 }, (_, index) =>
    aTask({ name: `task-with-a-long-name-天气-${index}`, index, state: 'running', startedAt: '2026-01-01T00:00:00Z' }),
  );
  for (const rows of [1, 5, 10, 24]) {
    for (const columns of [10, 40, 200]) {
      const lines = frame({}, tasks, { rows, columns, colour: true });
      expect(lines.length).toBeLessThan(Math.max(rows, 5));
      for (const line of lines) expect(textWidth(line)).toBeLessThan(columns);
    }
  }
});

test('the names of tasks cannot move the cursor', () => {
  expect(frame({}, [aTask({ name: 'a\u001b[2Jb', state: 'running' })]).join('')).not.toContain('\u001b');
});
