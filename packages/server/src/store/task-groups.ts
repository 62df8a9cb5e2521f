/**
 * Task groups and what they hold. Nothing counts up or down: the weight that a group holds is summed over live attempts
 * whenever it is asked for, with the weights of `task_group_member`, which each saved version fills. Attempts carry no weight of
 * their own: that would cost the hottest statement two cells for a figure that only people look at.
 */
import { LOGIC_TYPES } from '@pelorus/protocol/vocabulary';
import type { WorkflowDefinition } from '@pelorus/protocol';
import type { Dialect } from './dialect.ts';
import { StoreError } from './port.ts';
import type { TaskGroupRow, TaskGroupUsage } from './port.ts';
import type { Database, Row, Sql } from './database.ts';
import { TERMINAL_RUN_STATES } from './write-context.ts';
import type { WriteContext } from './write-context.ts';

export interface TaskGroupMember {
  task: number;
  name: string;
  weight: number;
}

/** The tasks of a definition that take slots of a group. Those that the master settles itself take none. */
export function taskGroupMembersOf(definition: WorkflowDefinition): TaskGroupMember[] {
  return definition.tasks.flatMap(({ taskGroup, action }, task) =>
    taskGroup && !LOGIC_TYPES.has(action.type) ? [{ task, name: taskGroup.name, weight: taskGroup.weight }] : [],
  );
}

const INSERT_MEMBER = `insert into task_group_member (workflow_id, version, task, name, weight) values (?, ?, ?, ?, ?)`;

export function* insertTaskGroupMembers(
  c: WriteContext,
  of: { workflowId: number; version: number },
  members: readonly TaskGroupMember[],
): Sql<void> {
  for (const { task, name, weight } of members)
    yield* c.db.run(INSERT_MEMBER, of.workflowId, of.version, task, name, weight);
}

const UPSERT_GROUP = `
  insert into task_group (name, size, updated_at, updated_by) values (?, ?, ?, ?)
  on conflict (name) do update set size = excluded.size, updated_at = excluded.updated_at, updated_by = excluded.updated_by
  returning *`;

export function* saveTaskGroup(
  c: WriteContext,
  group: { name: string; size: number; user: string; at: number },
): Sql<TaskGroupRow> {
  return toGroup((yield* c.db.get(UPSERT_GROUP, group.name, group.size, group.at, group.user))!);
}

function toGroup(row: Row): TaskGroupRow {
  return {
    name: row['name'] as string,
    size: row['size'] as number,
    updatedAt: row['updated_at'] as number,
    updatedBy: row['updated_by'] as string,
  };
}

const DELETE_GROUP = `delete from task_group where name = ?`;

export function* deleteTaskGroup(c: WriteContext, name: string): Sql<null> {
  if ((yield* c.db.run(DELETE_GROUP, name)) === 0)
    throw new StoreError('NOT_FOUND', `There is no task group '${name}'.`);
  return null;
}

const GROUPS_WITH_USAGE = (dialect: Dialect): string => `
  select g.*, coalesce(u.held, 0) as held, coalesce(u.attempts, 0) as attempts, coalesce(w.tasks, 0) as waiting
  from task_group g left join (
    select m.name, sum(m.weight) as held, count(*) as attempts
    from attempt a
      join run r on r.id = a.run_id
      join task_group_member m on m.workflow_id = r.workflow_id and m.version = r.workflow_version and m.task = a.task
    where a.state in ('dispatched', 'running', 'killing')
    group by m.name
  ) u on u.name = g.name left join (
    select m.name, count(*) as tasks
    from run r ${dialect.along('run_live')} cross join task_group_member m cross join task_run t
    where r.state not in ${TERMINAL_RUN_STATES} and m.workflow_id = r.workflow_id and m.version = r.workflow_version
      and t.run_id = r.id and t.task = m.task and t.state = 'queued'
    group by m.name
  ) w on w.name = g.name
  order by g.name`;

/** Looks at every live attempt, as many as there are slots in use, and at every live run. */
export function* listTaskGroups(db: Database): Sql<TaskGroupUsage[]> {
  return (yield* db.all(GROUPS_WITH_USAGE)).map((row) => ({
    ...toGroup(row),
    held: row['held'] as number,
    liveAttempts: row['attempts'] as number,
    waitingTasks: row['waiting'] as number,
  }));
}

const GROUPS = `select name, size from task_group order by name`;

export function* loadTaskGroups(db: Database): Sql<{ name: string; size: number }[]> {
  return (yield* db.all(GROUPS)).map((row) => ({ name: row['name'] as string, size: row['size'] as number }));
}
