/**
 * What the database itself saw: a trigger of the bed writes down every change of state of runs, tasks, attempts and masters, in the
 * transaction that makes it. It shares nothing with Pelorus but the tables it stands on.
 */
import type { TaskType } from '@pelorus/protocol';
import { ask } from './database-server.ts';
import type { StoredAttempt, StoredRun, StoredTask, TaskFacts, Transition } from './oracle.ts';

const SCHEMA = `
create schema chaos;
create table chaos.change (
  id bigserial primary key,
  at double precision not null,
  kind text not null,
  run bigint,
  task bigint,
  n bigint,
  was text,
  became text not null,
  owner text
);
create function chaos.ms() returns double precision language sql as $$ select extract(epoch from clock_timestamp()) * 1000 $$;
create function chaos.run_changed() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into chaos.change (at, kind, run, was, became, owner) values (chaos.ms(), 'run', new.id, null, new.state, new.owner);
  elsif old.state is distinct from new.state or old.owner is distinct from new.owner then
    insert into chaos.change (at, kind, run, was, became, owner) values (chaos.ms(), 'run', new.id, old.state, new.state, new.owner);
  end if;
  return null;
end $$;
create function chaos.task_changed() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into chaos.change (at, kind, run, task, was, became) values (chaos.ms(), 'task', new.run_id, new.task, null, new.state);
  elsif old.state is distinct from new.state then
    insert into chaos.change (at, kind, run, task, was, became) values (chaos.ms(), 'task', new.run_id, new.task, old.state, new.state);
  end if;
  return null;
end $$;
create function chaos.attempt_changed() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into chaos.change (at, kind, run, task, n, was, became, owner)
      values (chaos.ms(), 'attempt', new.run_id, new.task, new.n, null, new.state, new.worker);
  elsif old.state is distinct from new.state then
    insert into chaos.change (at, kind, run, task, n, was, became, owner)
      values (chaos.ms(), 'attempt', new.run_id, new.task, new.n, old.state, new.state, new.worker);
  end if;
  return null;
end $$;
create function chaos.master_changed() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into chaos.change (at, kind, became, owner) values (chaos.ms(), 'master', 'registered', new.id);
  elsif old.fenced_at is null and new.fenced_at is not null then
    insert into chaos.change (at, kind, became, owner) values (chaos.ms(), 'master', 'fenced', new.id);
  end if;
  return null;
end $$;
create trigger chaos_run after insert or update on run for each row execute function chaos.run_changed();
create trigger chaos_task after insert or update on task_run for each row execute function chaos.task_changed();
create trigger chaos_attempt after insert or update on attempt for each row execute function chaos.attempt_changed();
create trigger chaos_master after insert or update on master for each row execute function chaos.master_changed();`;

export async function installWitness(url: string): Promise<void> {
  await ask(url, SCHEMA);
}

export interface MasterSeen {
  id: string;
  opsUrl: string | null;
  registeredMs: number;
  fencedMs: number | null;
}

/** The store as it is, and what became of it. */
export interface StoreSeen {
  runs: StoredRun[];
  tasks: StoredTask[];
  attempts: StoredAttempt[];
  transitions: Transition[];
  masters: MasterSeen[];
  openCommands: { id: number; run: number; action: string }[];
  commandIds: Set<number>;
  definitions: Map<string, TaskFacts[]>;
}

export async function readStore(url: string): Promise<StoreSeen> {
  const runs = await ask<RunRow>(url, RUNS);
  const changes = await ask<ChangeRow>(url, CHANGES);
  const commands = await ask<CommandRow>(url, COMMANDS);
  const registered = new Map(
    changes.filter(({ became }) => became === 'registered').map(({ owner, at }) => [owner, at]),
  );
  const fenced = new Map(
    changes.filter(({ became, kind }) => kind === 'master' && became === 'fenced').map(({ owner, at }) => [owner, at]),
  );
  const masters = await ask<{ id: string; ops_url: string | null }>(
    url,
    'select id, ops_url from master order by registered_at',
  );
  return {
    runs: runs.map(({ id, state, workflow, key, wait_reason: waitReason, is_child: isChild }) => ({
      id: Number(id),
      state,
      workflow,
      key,
      isChild,
      waitReason,
    })),
    tasks: (await ask<TaskRow>(url, 'select run_id, task, state, attempts from task_run order by run_id, task')).map(
      (row) => ({
        run: Number(row.run_id),
        task: row.task,
        state: row.state,
        attempts: row.attempts,
      }),
    ),
    attempts: (
      await ask<AttemptRow>(url, 'select run_id, task, n, state, cause from attempt order by run_id, task, n')
    ).map((row) => ({
      run: Number(row.run_id),
      task: row.task,
      n: row.n,
      state: row.state,
      cause: row.cause,
    })),
    transitions: changes.filter(({ kind }) => kind !== 'master').map(toTransition),
    masters: masters.map(({ id, ops_url: opsUrl }) => ({
      id,
      opsUrl,
      registeredMs: registered.get(id) ?? 0,
      fencedMs: fenced.get(id) ?? null,
    })),
    openCommands: commands
      .filter(({ done_at: doneAt }) => doneAt === null)
      .map(({ id, run_id: run, action }) => ({ id: Number(id), run: Number(run), action })),
    commandIds: new Set(commands.map(({ id }) => Number(id))),
    definitions: await readDefinitions(url),
  };
}

/** The key of a run is what its extras say, which the client gave; of a re-run, that of the command that made it. */
const RUNS = `
select r.id, r.state, r.workflow, r.wait_reason,
  case when r.parent_run is not null then null
       when r.rerun_of is null then r.spec::json -> 'extras' ->> 'key'
       else (select c.idempotency_key from command c where c.run_id = r.id and c.idempotency_key is not null order by c.id limit 1) end as key,
  r.parent_run is not null as is_child
from run r order by r.id`;
const CHANGES = `select at, kind, run, task, n, was, became, owner from chaos.change order by id`;
const COMMANDS = `select id, run_id, action, done_at from command order by id`;

interface RunRow extends Record<string, unknown> {
  id: string;
  state: StoredRun['state'];
  workflow: string;
  key: string | null;
  is_child: boolean;
  wait_reason: string | null;
}
interface TaskRow extends Record<string, unknown> {
  run_id: string;
  task: number;
  state: StoredTask['state'];
  attempts: number;
}
interface AttemptRow extends Record<string, unknown> {
  run_id: string;
  task: number;
  n: number;
  state: string;
  cause: string | null;
}
interface ChangeRow extends Record<string, unknown> {
  at: number;
  kind: 'run' | 'task' | 'attempt' | 'master';
  run: string | null;
  task: string | null;
  n: string | null;
  was: string | null;
  became: string;
  owner: string | null;
}
interface CommandRow extends Record<string, unknown> {
  id: string;
  run_id: string;
  action: string;
  done_at: string | null;
}

function toTransition({ at, kind, run, task, n, was, became, owner }: ChangeRow): Transition {
  return {
    kind: kind as Transition['kind'],
    run: Number(run),
    task: task === null ? null : Number(task),
    n: n === null ? null : Number(n),
    from: was,
    to: became,
    owner,
    atMs: at,
  };
}

interface DefinitionJson {
  tasks: {
    name: string;
    needs: string[];
    trigger: string;
    action: { type: TaskType };
    taskGroup: { name: string; weight: number } | null;
    retry: { max: number };
  }[];
}

/** The storm saves each workflow once. */
async function readDefinitions(url: string): Promise<Map<string, TaskFacts[]>> {
  const rows = await ask<{ name: string; definition: string }>(
    url,
    'select w.name, v.definition from workflow w join workflow_version v on v.workflow_id = w.id order by v.version',
  );
  return new Map(
    rows.map(({ name, definition }) => {
      const { tasks } = JSON.parse(definition) as DefinitionJson;
      const indexOf = new Map(tasks.map((task, index) => [task.name, index]));
      return [name, tasks.map((task) => factsOf(task, indexOf))];
    }),
  );
}

function factsOf(
  { needs, trigger, action, taskGroup, retry }: DefinitionJson['tasks'][number],
  indexOf: Map<string, number>,
): TaskFacts {
  return {
    type: action.type,
    needs: needs.map((name) => indexOf.get(name)!),
    afterSuccess: trigger === 'all_success',
    group: taskGroup && { name: taskGroup.name, weight: taskGroup.weight },
    failuresMax: 1 + retry.max,
  };
}
