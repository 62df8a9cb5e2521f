import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RUN_STATES, runIdOf } from '@pelorus/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SQLITE } from '../../src/store/dialect.ts';
import { findRuns, isFine } from '../../src/store/find-runs.ts';
import { listRuns } from '../../src/store/list-runs.ts';
import { runAtOnce } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import type { RunFilter } from '../../src/store/port.ts';
import { parseRows, type Cell } from '../../src/store/rows.ts';
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
  execType: string;
  submitUser: string;
  rerunOf: number | null;
  logicalAt: number;
}

const RUN_FILTERS = {
  project: fc.constantFrom(...PROJECTS, 'none'),
  workflow: fc.constantFrom(...WORKFLOWS),
  projectPrefixes: fc.array(fc.constantFrom('', 'a', 'ab', 'b%', '%', 'c'), { maxLength: 3 }),
  workflowPrefixes: fc.array(fc.constantFrom('', 'x', 'x_', 'z'), { maxLength: 3 }),
  states: fc.uniqueArray(fc.constantFrom(...RUN_STATES), { maxLength: 4 }),
  projectIds: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: PROJECTS.length + 1 }))),
  workflowGlob: fc.constantFrom('*', '?', 'x?', '*y', '?_*', '[xy]', ''),
  workflowContains: fc.constantFrom('X', 'y', '_', '%', ''),
  label: fc.constantFrom({ name: 'team', value: null }, { name: 'team', value: 'x' }, { name: 'none', value: null }),
  submittedFrom: fc.integer({ min: 0, max: 60 }),
  submittedTo: fc.integer({ min: 0, max: 60 }),
};

/** Beside the others: what the counts of runs know nothing of. */
const FINE_FILTERS = {
  execType: fc.constantFrom('DIRECT', 'SCHEDULER', 'COMPLEMENT_DATA'),
  submitUser: fc.constantFrom('ann', 'bob', 'nobody'),
  rerunOf: fc.constantFrom(3, 4).map(runIdOf),
  id: fc.integer({ min: 1, max: 301 }).map(runIdOf),
  logicalFrom: fc.integer({ min: 0, max: 60 }),
  logicalTo: fc.integer({ min: 0, max: 60 }),
};

/** A few conditions at a time: many leave nothing to list. */
function someOf(all: Record<string, fc.Arbitrary<unknown>>, maxLength: number): fc.Arbitrary<RunFilter> {
  return fc
    .subarray(Object.keys(all), { maxLength })
    .chain((keys) => fc.record(Object.fromEntries(keys.map((key) => [key, all[key]!]))))
    .map((filter): RunFilter => filter);
}

const filters = someOf(RUN_FILTERS, 3);
const fineFilters = fc
  .tuple(someOf(RUN_FILTERS, 2), someOf(FINE_FILTERS, 2))
  .map(([some, fine]): RunFilter => ({ ...some, ...fine }))
  .filter(isFine);

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
    fc.assert(
      fc.property(fineFilters, fc.nat(30), fc.nat(20), (filter, from, size) => {
        const matching = stored.filter((run) => matches(filter, run)).toSorted(inListOrder);
        const expected = { total: Math.min(matching.length, from + size + 1), ids: idsOf(matching, from, size) };
        for (const walk of [undefined, 'order', 'gather'] as const) {
          const page = runAtOnce(findRuns(db, { filter, from, size }, walk));
          const ids = parseRows(page.runs).map(([id]) => id);
          expect({ walk, total: page.total, ids }).toEqual({ walk, ...expected });
        }
        expect(runAtOnce(listRuns(db, { filter, from, size }))).toEqual(
          runAtOnce(findRuns(db, { filter, from, size })),
        );
      }),
      { numRuns: 400 },
    );
  } finally {
    db.close();
    await rm(directory, { recursive: true });
  }
});

function idsOf(runs: Stored[], from: number, size: number): number[] {
  return runs.slice(from, from + size).map(({ id }) => id);
}

function fill(db: SqliteDatabase): Stored[] {
  const write = (sql: string, ...values: Cell[]) => runAtOnce(db.run(sql, ...values));
  for (const project of PROJECTS)
    write(`insert into project (name, description, owner, created_at) values (?, '', 'u', 1)`, project);
  for (let i = 0; i < PROJECTS.length * WORKFLOWS.length; i++) {
    write(
      `insert into workflow (project_id, name, description, labels, version, hash, hidden, created_at, updated_at, updated_by)
      values (?, ?, '', ?, 1, 'h', 0, 1, 1, 'u')`,
      1 + (i % PROJECTS.length),
      WORKFLOWS[Math.floor(i / PROJECTS.length)]!,
      JSON.stringify(labelsOf(WORKFLOWS[Math.floor(i / PROJECTS.length)]!)),
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
      execType: ['DIRECT', 'DIRECT', 'DIRECT', 'SCHEDULER', 'COMPLEMENT_DATA'][id % 5]!,
      submitUser: id % 4 === 0 ? 'ann' : 'bob',
      rerunOf: id % 11 === 0 ? 3 : null,
      logicalAt: (id * 17) % 60,
    };
    stored.push(run);
    write(
      `insert into run (project_id, project, workflow_id, workflow, workflow_version, submitted_at, version, state, started_at, exec_type, submit_user, rerun_of, logical_at, spec)
      values (?, ?, ?, ?, 1, ?, 1, 'queued', ?, ?, ?, ?, ?, '{}')`,
      1 + ((workflowId - 1) % PROJECTS.length),
      run.project,
      workflowId,
      run.workflow,
      run.submittedAt,
      run.startedAt,
      run.execType,
      run.submitUser,
      run.rerunOf,
      run.logicalAt,
    );
    write('update run set state = ? where id = ?', run.state, id);
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
    (filter.workflowGlob === undefined || globMatches(filter.workflowGlob, run.workflow)) &&
    (filter.workflowContains === undefined || run.workflow.includes(filter.workflowContains.toLowerCase())) &&
    (filter.label === undefined || hasLabel(labelsOf(run.workflow), filter.label)) &&
    (filter.execType === undefined || run.execType === filter.execType) &&
    (filter.submitUser === undefined || run.submitUser === filter.submitUser) &&
    (filter.rerunOf === undefined || run.rerunOf === filter.rerunOf) &&
    (filter.id === undefined || run.id === filter.id) &&
    (filter.logicalFrom === undefined || run.logicalAt >= filter.logicalFrom) &&
    (filter.logicalTo === undefined || run.logicalAt <= filter.logicalTo) &&
    (filter.submittedFrom === undefined || run.submittedAt >= filter.submittedFrom) &&
    (filter.submittedTo === undefined || run.submittedAt <= filter.submittedTo)
  );
}

function labelsOf(workflow: string): Record<string, string> {
  return workflow === 'y' ? {} : { team: workflow };
}

function hasLabel(labels: Record<string, string>, { name, value }: NonNullable<RunFilter['label']>): boolean {
  return labels[name] !== undefined && (value === null || labels[name] === value);
}

function globMatches(glob: string, text: string): boolean {
  const pattern = [...glob].map((c) => (c === '*' ? '.*' : c === '?' ? '.' : `\\u{${c.codePointAt(0)!.toString(16)}}`));
  return new RegExp(`^${pattern.join('')}$`, 'su').test(text);
}

function inListOrder(a: Stored, b: Stored): number {
  return (b.startedAt ?? Infinity) === (a.startedAt ?? Infinity)
    ? b.id - a.id
    : (b.startedAt ?? Infinity) - (a.startedAt ?? Infinity);
}
