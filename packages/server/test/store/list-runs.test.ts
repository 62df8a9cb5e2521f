import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUN_STATES } from '@pelorus/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SQLITE } from '../../src/store/dialect.ts';
import { listRuns } from '../../src/store/list-runs.ts';
import { runAtOnce } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import type { RunFilter } from '../../src/store/port.ts';
import { parseRows } from '../../src/store/rows.ts';
import { SqliteDatabase } from '../../src/store/sqlite-database.ts';

const PROJECTS = ['a', 'ab', 'b%'];
const WORKFLOWS = ['x', 'xy', 'x_', 'y'];

interface Stored {
  id: number;
  project: string;
  workflow: string;
  state: string;
  submittedAt: number;
  startedAt: number | null;
}

const filters: fc.Arbitrary<RunFilter> = fc.record(
  {
    project: fc.constantFrom(...PROJECTS, 'none'),
    workflow: fc.constantFrom(...WORKFLOWS),
    projectPrefixes: fc.array(fc.constantFrom('', 'a', 'ab', 'b%', '%', 'c'), { maxLength: 3 }),
    workflowPrefixes: fc.array(fc.constantFrom('', 'x', 'x_', 'z'), { maxLength: 3 }),
    states: fc.uniqueArray(fc.constantFrom(...RUN_STATES), { maxLength: 4 }),
    projectIds: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: PROJECTS.length + 1 }))),
    submittedFrom: fc.integer({ min: 0, max: 60 }),
    submittedTo: fc.integer({ min: 0, max: 60 }),
  },
  { requiredKeys: [] },
);

test('every walk finds the same page and total as a plain filter and sort', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pelorus-list-'));
  const db = new SqliteDatabase(join(directory, 'pelorus.db'), { readOnly: false });
  try {
    migrate(db, SQLITE, 1);
    const stored = fill(db);
    fc.assert(
      fc.property(filters, fc.nat(30), fc.nat(20), (filter, from, size) => {
        const matching = stored.filter((run) => matches(filter, run)).toSorted(inListOrder);
        const expected = { total: matching.length, ids: matching.slice(from, from + size).map(({ id }) => id) };
        for (const walk of [undefined, 'order', 'pairs', 'submitted'] as const) {
          const page = runAtOnce(listRuns(db, { filter, from, size }, walk));
          const ids = parseRows(page.runs).map(([id]) => id);
          expect({ walk, total: page.total, ids }).toEqual({ walk, ...expected });
        }
      }),
      { numRuns: 400 },
    );
  } finally {
    db.close();
    await rm(directory, { recursive: true });
  }
});

function fill(db: SqliteDatabase): Stored[] {
  for (const project of PROJECTS)
    runAtOnce(db.run(`insert into project (name, description, owner, created_at) values (?, '', 'u', 1)`, project));
  for (let i = 0; i < PROJECTS.length * WORKFLOWS.length; i++) {
    runAtOnce(
      db.run(
        `insert into workflow (project_id, name, description, version, hash, hidden, created_at, updated_at, updated_by)
      values (?, ?, '', 1, 'h', 0, 1, 1, 'u')`,
        1 + (i % PROJECTS.length),
        WORKFLOWS[Math.floor(i / PROJECTS.length)]!,
      ),
    );
  }
  const stored: Stored[] = [];
  for (let id = 1; id <= 300; id++) {
    const workflowId = 1 + ((id * 7) % (PROJECTS.length * WORKFLOWS.length - 2));
    const submittedAt = (id * 13) % 60;
    const run: Stored = {
      id,
      project: PROJECTS[(workflowId - 1) % PROJECTS.length]!,
      workflow: WORKFLOWS[Math.floor((workflowId - 1) / PROJECTS.length)]!,
      state: RUN_STATES[(id * id) % RUN_STATES.length]!,
      submittedAt,
      startedAt: id % 9 === 0 ? null : submittedAt + (id % 5),
    };
    stored.push(run);
    runAtOnce(
      db.run(
        `insert into run (project_id, project, workflow_id, workflow, workflow_version, submitted_at, version, state, started_at, spec)
      values (?, ?, ?, ?, 1, ?, 1, 'queued', ?, '{}')`,
        1 + ((workflowId - 1) % PROJECTS.length),
        run.project,
        workflowId,
        run.workflow,
        run.submittedAt,
        run.startedAt,
      ),
    );
    runAtOnce(db.run('update run set state = ? where id = ?', run.state, id));
  }
  return stored;
}

function matches(filter: RunFilter, run: Stored): boolean {
  return (
    (filter.project === undefined || run.project === filter.project) &&
    (filter.workflow === undefined || run.workflow === filter.workflow) &&
    (filter.projectIds?.includes(PROJECTS.indexOf(run.project) + 1) ?? true) &&
    (filter.projectPrefixes === undefined || filter.projectPrefixes.some((prefix) => run.project.startsWith(prefix))) &&
    (filter.workflowPrefixes === undefined ||
      filter.workflowPrefixes.some((prefix) => run.workflow.startsWith(prefix))) &&
    (filter.states === undefined || filter.states.some((state) => state === run.state)) &&
    (filter.submittedFrom === undefined || run.submittedAt >= filter.submittedFrom) &&
    (filter.submittedTo === undefined || run.submittedAt <= filter.submittedTo)
  );
}

function inListOrder(a: Stored, b: Stored): number {
  return (b.startedAt ?? Infinity) === (a.startedAt ?? Infinity)
    ? b.id - a.id
    : (b.startedAt ?? Infinity) - (a.startedAt ?? Infinity);
}
