/** docs/operations.md names every metric there is, and every question of the audit. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createMetrics } from '../../src/ops/index.ts';
import { INVARIANT_CHECKS } from '../../src/store/audit-invariants.ts';

const text = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8');

test('the table of metrics is that of the program', async () => {
  const metrics = createMetrics({ version: '1' });
  metrics.master();
  metrics.api();
  metrics.traces(() => ({ sent: 0, failed: 0, dropped: 0, waiting: 0 }));
  metrics.worker(() => ({
    slots: 1,
    usedSlots: 0,
    busy: false,
    draining: false,
    links: 0,
    attempts: { succeeded: 0, failed: 0, killed: 0, lost: 0 },
    refused: 0,
    unacknowledged: 0,
    logs: null,
  }));
  const made = [...(await metrics.text()).matchAll(/^# TYPE (pelorus_\w+)/gm)].map(([, name]) => name);
  const rows = text.split('\n').filter((line) => line.startsWith('| `pelorus_'));
  const documented = rows.flatMap((row) =>
    [...row.split('|')[1]!.matchAll(/`(pelorus_\w+)`/g)].map(([, name]) => name),
  );
  expect(new Set(documented)).toEqual(new Set(made));
  expect(documented).toHaveLength(made.length);
});

test('the table of the audit is that of the program', () => {
  const documented = [...text.matchAll(/^\| ([SL]\d+) \| (.+) \|$/gm)].flatMap(([, invariant = '', names = '']) =>
    names.split(' · ').map((name) => ({ invariant, name })),
  );
  expect(documented).toEqual(INVARIANT_CHECKS);
  expect(text).toContain(`${INVARIANT_CHECKS.length} questions, and no invariant is broken`);
});
