/**
 * Projects.
 *
 * Invariants
 * 1. A deleted project keeps its row, because its runs refer to it, under a name that no project can be given; so its name is free.
 * 2. Nothing but history refers to a deleted project: `PARTS` names every table that goes with it.
 */
import type { Dialect } from './dialect.ts';
import { lockProject, requireProject } from './lock-project.ts';
import { StoreError, type ProjectRow } from './port.ts';
import { deleteProjectFiles } from './project-files.ts';
import type { VisibleProjects } from './projects-port.ts';
import type { Database, Sql } from './database.ts';
import { toProjectRow } from './workflow-rows.ts';
import { TERMINAL_RUN_STATES, type WriteContext } from './write-context.ts';

const PROJECTS = `select * from project where deleted_at is null order by name`;
const PROJECTS_AMONG = (dialect: Dialect): string =>
  `select * from project where deleted_at is null and ${dialect.isAmong('id')} order by name`;

export function* listProjects(db: Database, { projectIds = null }: VisibleProjects): Sql<ProjectRow[]> {
  const rows =
    projectIds === null ? yield* db.all(PROJECTS) : yield* db.all(PROJECTS_AMONG, JSON.stringify(projectIds));
  return rows.map(toProjectRow);
}

const PROJECT_NAMED = `select * from project where name = ? and deleted_at is null`;

export function* findProject(db: Database, name: string): Sql<ProjectRow | null> {
  const row = yield* db.get(PROJECT_NAMED, name);
  return row ? toProjectRow(row) : null;
}

const PROJECTS_OF_RUNS = (dialect: Dialect): string => `select id, project_id from run where ${dialect.isAmong('id')}`;

export function* projectsOfRuns(db: Database, runs: readonly number[]): Sql<Map<number, number>> {
  return new Map((yield* db.rows(PROJECTS_OF_RUNS, JSON.stringify(runs))) as [number, number][]);
}

const INSERT = `
  insert into project (name, description, owner, created_at) values (?, ?, ?, ?) on conflict (name) do nothing returning *`;

export function* createProject(
  c: WriteContext,
  { name, description, owner, at }: { name: string; description: string; owner: string; at: number },
): Sql<ProjectRow> {
  const row = yield* c.db.get(INSERT, name, description, owner, at);
  if (!row) throw new StoreError('CONFLICT', `There is a project '${name}' already.`);
  return toProjectRow(row);
}

const CHANGE = `update project set description = ? where id = ? and deleted_at is null returning *`;

export function* changeProject(c: WriteContext, change: { project: number; description: string }): Sql<ProjectRow> {
  return toProjectRow(requireProject(yield* c.db.get(CHANGE, change.description, change.project), change.project));
}

const SAVED_WORKFLOWS = `
  select count(*) as found from workflow where project_id = ? and deleted_at is null and hidden = 0`;
const RUNS_IN_PROGRESS = `
  select coalesce(sum(c.runs), 0) as found from workflow w join run_count c on c.workflow_id = w.id
  where w.project_id = ? and c.state not in ${TERMINAL_RUN_STATES}`;
const BACKFILLS = `select count(*) as found from backfill where project_id = ? and ended_at is null`;
const DELETE_HIDDEN = `update workflow set deleted_at = ?, deleted_by = ? where project_id = ? and deleted_at is null`;
/** No name that people give holds a space. Without an owner, nobody has a right in it. */
const DELETE = `
  update project set name = name || ' (deleted ' || id || ')', description = '', owner = '', deleted_at = ?, deleted_by = ?
  where id = ?`;

/** What belongs to a project and is worth nothing without it. Connections and secrets hold passwords: nothing of them is kept. */
const PARTS: readonly string[] = ['project_member', 'connection', 'secret', 'vault_version'];

export function* deleteProject(c: WriteContext, request: { project: number; user: string; at: number }): Sql<null> {
  const { project, user, at } = request;
  const { name } = toProjectRow(yield* lockProject(c, project));
  const workflows = (yield* c.db.get(SAVED_WORKFLOWS, project))?.['found'] as number;
  const runs = (yield* c.db.get(RUNS_IN_PROGRESS, project))?.['found'] as number;
  const backfills = (yield* c.db.get(BACKFILLS, project))?.['found'] as number;
  if (workflows + runs + backfills > 0) {
    const inTheWay = [
      counted(workflows, 'workflow'),
      counted(runs, 'run in progress'),
      counted(backfills, 'backfill in progress'),
    ];
    const all = inTheWay.filter((text) => text !== null).join(', ');
    throw new StoreError(
      'PRECONDITION',
      `Project '${name}' is not empty: ${all}. Delete workflows and stop the rest first.`,
    );
  }
  for (const table of PARTS) yield* c.db.run(`delete from ${table} where project_id = ?`, project);
  yield* deleteProjectFiles(c, project);
  yield* c.db.run(DELETE_HIDDEN, at, user, project);
  yield* c.db.run(DELETE, at, user, project);
  return null;
}

/** `2 runs in progress`; null for none. */
function counted(n: number, what: string): string | null {
  return n === 0 ? null : `${n} ${n === 1 ? what : what.replace(/^\w+/, '$&s')}`;
}
