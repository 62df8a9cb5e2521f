/**
 * The invariants of a cluster as questions to the store: each answers with the rows that break one. Nothing of it is asked while
 * Pelorus works; people ask, with `pelorus doctor --audit`. Unlike the simulation's checker it sees one moment and no processes, so
 * S1, S6, S12 and the L's about time have no question here.
 *
 * What one commit keeps true is a finding at once. What somebody has to do next (a command, a timer, an owner that died) is one
 * only when nobody has done it for a while, by the database's clock.
 */
import { runIdOf, formatAttemptId } from '@pelorus/protocol';
import type { Database, Row, Sql } from './database.ts';
import type { Dialect } from './dialect.ts';
import { SCHEDULE_LIMITS } from './schedules-port.ts';
import { TERMINAL_ATTEMPT_STATES, TERMINAL_RUN_STATES, TERMINAL_TASK_RUN_STATES } from './write-context.ts';

export interface InvariantFinding {
  /** As in docs/operations.md: `S5`, `L4`, … */
  invariant: string;
  /** Name of the question. */
  check: string;
  /** What it is about: `run 12`, `task 3 of run 12`, `attempt 12.3.1`, or another row. */
  subject: string;
  /** What is wrong with it, for people. */
  detail: string;
}

export interface InvariantReport {
  /** Questions that were answered. */
  checks: number;
  findings: InvariantFinding[];
  /** Questions that have more findings than were asked for. */
  more: string[];
}

/** What commands and timers may wait before somebody should have seen to them. */
const DUE_MS = 60_000;
/** Beyond an attempt's execution lease, where its task names one, and the grace: somebody should have given it up. */
const SILENT_MS = 300_000;

const LIVE_ATTEMPT = `('dispatched', 'running', 'killing')`;
const LIVE_TASK = `('dispatched', 'running', 'killing')`;
/** The worker's name of attempts that the master settles itself. */
const LOGIC = `'master'`;

interface Question {
  invariant: string;
  name: string;
  /**
   * Of (limit). Columns: `run_id`, `task` and `n` as far as they apply, or `subject`; and `detail`.
   */
  sql: (dialect: Dialect) => string;
}

/** Asks everything; at most `limit` findings to each question. */
export function* auditInvariants(db: Database, { limit }: { limit: number }): Sql<InvariantReport> {
  const report: InvariantReport = { checks: 0, findings: [], more: [] };
  for (const { invariant, name, sql } of QUESTIONS) {
    const rows = yield* db.all(sql, limit + 1);
    report.checks += 1;
    if (rows.length > limit) report.more.push(name);
    for (const row of rows.slice(0, limit))
      report.findings.push({ invariant, check: name, subject: subjectOf(row), detail: row['detail'] as string });
  }
  return report;
}

function subjectOf(row: Row): string {
  const { subject, run_id: run, task, n } = row as { subject?: string; run_id: number; task?: number; n?: number };
  if (subject !== undefined) return subject;
  if (task === undefined) return `run ${run}`;
  if (n === undefined) return `task ${task} of run ${run}`;
  return `attempt ${formatAttemptId({ run: runIdOf(run), task, n })}`;
}

const SCHEDULE_NAMED = `'schedule ' || s.name || ' of workflow ' || s.workflow_id`;
const NOT_HELD_STILL = `exists (select 1 from maintenance where id = 1 and paused = 0)`;

/** Runs that have begun and not ended, and of their versions the tasks, and which needs which. */
const BEGUN = `begun as materialized (
  select id, workflow_id, workflow_version as version, state from run
  where state not in ${TERMINAL_RUN_STATES} and state not in ('queued', 'waiting'))`;
const TASKS = (d: Dialect): string =>
  `task as materialized (${d.tasksIn('(select distinct workflow_id, version from begun)')})`;
const EDGES = (d: Dialect): string => `
  need as materialized (${d.needsIn('(select distinct workflow_id, version from begun)')}),
  edge as materialized (
    select n.workflow_id, n.version, n.task, p.task as pred
    from need n join task p on p.workflow_id = n.workflow_id and p.version = n.version and p.name = n.need)`;
/** In a run, what keeps a task (of `edge`) from starting: a predecessor that has not ended. */
const OPEN_PREDECESSOR = `left join task_run p on p.run_id = b.id and p.task = e.pred
      where (p.run_id is null or p.state not in ${TERMINAL_TASK_RUN_STATES})`;
const WAITING_COMMAND = (run: string): string =>
  `select 1 from command c where c.run_id = ${run} and c.done_at is null`;

const QUESTIONS: readonly Question[] = [
  {
    invariant: 'S3',
    name: 'attempts before their dependencies',
    sql: (d) => `
      with ${BEGUN}, ${TASKS(d)}, ${EDGES(d)}
      select a.run_id, a.task, a.n, 'it is ' || a.state || ', but something that its task needs has not ended' as detail
      from attempt a join begun b on b.id = a.run_id
        join edge e on e.workflow_id = b.workflow_id and e.version = b.version and e.task = a.task
        ${OPEN_PREDECESSOR} and a.state in ${LIVE_ATTEMPT}
      group by a.run_id, a.task, a.n, a.state order by 1, 2, 3 limit ?`,
  },
  {
    invariant: 'S4',
    name: 'ends of runs',
    sql: () => `
      select id as run_id, 'it is ' || state || case when ended_at is null then ' and does not say since when' else ' and has an end' end as detail
      from run where (state in ${TERMINAL_RUN_STATES}) <> (ended_at is not null) order by 1 limit ?`,
  },
  {
    invariant: 'S4',
    name: 'tasks of ended runs',
    sql: () => `
      select t.run_id, t.task, 'it is ' || t.state || ', but its run is ' || r.state as detail
      from task_run t join run r on r.id = t.run_id
      where t.state not in ${TERMINAL_TASK_RUN_STATES} and r.state in ${TERMINAL_RUN_STATES} order by 1, 2 limit ?`,
  },
  {
    invariant: 'S4',
    name: 'ends of attempts',
    sql: () => `
      select run_id, task, n, 'it is ' || state || case when ended_at is null then ' and does not say since when' else ' and has an end' end as detail
      from attempt where (state in ${TERMINAL_ATTEMPT_STATES}) <> (ended_at is not null) order by 1, 2, 3 limit ?`,
  },
  {
    invariant: 'S5',
    name: 'live attempts of one task',
    sql: () => `
      select run_id, task, 'it has ' || count(*) || ' live attempts' as detail
      from attempt where state in ${LIVE_ATTEMPT} group by run_id, task having count(*) > 1 order by 1, 2 limit ?`,
  },
  {
    invariant: 'S5',
    name: 'numbers of attempts',
    sql: () => `
      select run_id, task, 'its ' || count(*) || ' attempts are numbered from ' || min(n) || ' to ' || max(n) as detail
      from attempt group by run_id, task having min(n) <> 1 or max(n) <> count(*) order by 1, 2 limit ?`,
  },
  {
    invariant: 'S5',
    name: 'live attempts that are not the latest',
    sql: () => `
      select a.run_id, a.task, a.n, 'it is ' || a.state || ', though attempt ' || l.n || ' came after it' as detail
      from attempt a join attempt l on l.run_id = a.run_id and l.task = a.task and l.n = a.n + 1
      where a.state in ${LIVE_ATTEMPT} order by 1, 2, 3 limit ?`,
  },
  {
    invariant: 'S7',
    name: 'commands without an answer',
    sql: (d) => `
      select 'command ' || id || ' of run ' || run_id as subject,
        ${d.jsonText('action', 'kind')} || ': nobody has answered it for ' || ((${d.nowMs} - at) / 1000) || ' s' as detail
      from command where done_at is null and at < ${d.nowMs} - ${DUE_MS} order by id limit ?`,
  },
  {
    invariant: 'S7',
    name: 'answers of commands',
    sql: () => `
      select 'command ' || id || ' of run ' || run_id as subject,
        case when outcome is null then 'it is done, and neither applied nor refused' else 'it has an outcome and is not done' end as detail
      from command where (done_at is null) <> (outcome is null) order by id limit ?`,
  },
  {
    invariant: 'S8',
    name: 'ticks without their run',
    sql: () => `
      select 'tick ' || t.nominal_at || ' of schedule ' || t.schedule_id || ' (' || t.workflow || ')' as subject,
        'it is ' || t.outcome || case when t.run_id is null then ' and names no run'
          when r.id is null then ', but its run ' || t.run_id || ' is not there' else ', and yet it has run ' || t.run_id end as detail
      from tick t left join run r on r.id = t.run_id
      where (t.outcome = 'fired') <> (r.id is not null) order by t.schedule_id, t.nominal_at limit ?`,
  },
  {
    // One tick names one run: a second run for it is one without a tick. Ticks are not kept for ever.
    invariant: 'S8',
    name: 'scheduled runs without their tick',
    sql: (d) => `
      select r.id as run_id, 'a schedule made it for the instant ' || r.logical_at || ', but no tick says so' as detail
      from run r
      where r.exec_type = 'SCHEDULER' and r.rerun_of is null and r.parent_run is null
        and r.submitted_at > ${d.nowMs} - ${SCHEDULE_LIMITS.tickRetentionMs}
        and not exists (select 1 from tick t where t.workflow_id = r.workflow_id and t.nominal_at = r.logical_at and t.run_id = r.id)
      order by 1 limit ?`,
  },
  {
    invariant: 'S8',
    name: 'next ticks of schedules',
    sql: () => `
      select ${SCHEDULE_NAMED} as subject, case when s.online = 0 then 'it is offline, and has a tick before it'
        else 'its next tick is due at ' || s.next_due_at || ', and nobody knows for which instant' end as detail
      from schedule s where s.next_due_at is not null and (s.online = 0 or s.next_nominal_at is null)
      order by s.id limit ?`,
  },
  {
    invariant: 'S8',
    name: 'dates of backfills',
    sql: () => `
      select 'date ' || d.position || ' of backfill ' || d.backfill_id as subject,
        'it is running, but its run ' || coalesce(cast(d.run_id as text), '') || case when r.id is null then ' is not there' else ' is ' || r.state end as detail
      from backfill_date d left join run r on r.id = d.run_id
      where d.state = 'running' and (r.id is null or r.state in ${TERMINAL_RUN_STATES})
      order by d.backfill_id, d.position limit ?`,
  },
  {
    invariant: 'S8',
    name: 'runs of one date',
    sql: () => `
      select 'date ' || l.position || ' of backfill ' || l.backfill_id as subject,
        'run ' || l.run_id || ' of it has not ended, but the date is ' || d.state as detail
      from backfill_run l join run r on r.id = l.run_id join backfill_date d on d.backfill_id = l.backfill_id and d.position = l.position
      where r.state not in ${TERMINAL_RUN_STATES} and (d.state <> 'running' or d.run_id is null or d.run_id <> l.run_id)
      order by l.backfill_id, l.position limit ?`,
  },
  {
    invariant: 'S8',
    name: 'tallies of backfills',
    sql: () => `
      select 'backfill ' || b.id as subject, 'it is ' || b.state || ' and says that dates pending are ' || b.pending_dates || ', running '
        || b.running_dates || '; they are ' || b.pending || ' and ' || b.running as detail
      from (
        select f.id, f.state, f.ended_at, f.pending_dates, f.running_dates,
          (select count(*) from backfill_date d where d.backfill_id = f.id and d.state = 'pending') as pending,
          (select count(*) from backfill_date d where d.backfill_id = f.id and d.state = 'running') as running
        from backfill f) b
      where b.pending <> b.pending_dates or b.running <> b.running_dates or (b.pending + b.running > 0) <> (b.ended_at is null)
      order by b.id limit ?`,
  },
  {
    invariant: 'S9',
    name: 'live attempts of ended runs',
    sql: () => `
      select a.run_id, a.task, a.n, 'it is ' || a.state || ', but its run is ' || r.state as detail
      from attempt a join run r on r.id = a.run_id
      where a.state in ${LIVE_ATTEMPT} and r.state in ${TERMINAL_RUN_STATES} order by 1, 2, 3 limit ?`,
  },
  {
    invariant: 'S9',
    name: 'attempts that a stop spares',
    sql: () => `
      select a.run_id, a.task, a.n, 'its run is being stopped, but nobody kills it' as detail
      from attempt a join run r on r.id = a.run_id
      where a.state in ${LIVE_ATTEMPT} and a.kill_intent is null and r.state = 'stopping' order by 1, 2, 3 limit ?`,
  },
  {
    invariant: 'S10',
    name: 'slots of workers',
    sql: () => `
      select 'worker ' || w.name || ' (' || w.id || ')' as subject, 'it runs ' || count(*) || ' attempts in ' || w.slots || ' slots' as detail
      from attempt a join worker w on w.id = a.worker
      where a.state in ('running', 'killing') group by w.id, w.name, w.slots having count(*) > w.slots order by w.id limit ?`,
  },
  {
    // What was dispatched before the group was made smaller may go on.
    invariant: 'S10',
    name: 'sizes of task groups',
    sql: () => `
      select 'task group ' || g.name as subject, 'attempts with a weight of ' || sum(m.weight) || ' hold it, of size ' || g.size as detail
      from attempt a
        join run r on r.id = a.run_id
        join task_group_member m on m.workflow_id = r.workflow_id and m.version = r.workflow_version and m.task = a.task
        join task_group g on g.name = m.name
      where a.state in ${LIVE_ATTEMPT} and a.dispatched_at > g.updated_at
      group by g.name, g.size having sum(m.weight) > g.size order by g.name limit ?`,
  },
  {
    invariant: 'S11',
    name: 'children that outlive their parents',
    sql: () => `
      select c.id as run_id, 'it is ' || c.state || ', but its parent, run ' || p.id || ', is ' || p.state as detail
      from run c join run p on p.id = c.parent_run
      where c.state not in ${TERMINAL_RUN_STATES} and p.state in ${TERMINAL_RUN_STATES} order by 1 limit ?`,
  },
  {
    invariant: 'S11',
    name: 'children that outlive their attempts',
    sql: () => `
      select c.id as run_id, 'it is ' || c.state || ', but the attempt that it belongs to is ' || a.state as detail
      from run c join attempt a on a.run_id = c.parent_run and a.task = c.parent_task and a.n = c.parent_attempt
      where c.state not in ${TERMINAL_RUN_STATES} and a.state in ${TERMINAL_ATTEMPT_STATES} order by 1 limit ?`,
  },
  {
    invariant: 'S11',
    name: 'ends of children that nobody tells',
    sql: (d) => `
      select a.run_id, a.task, a.n, 'its child, run ' || c.id || ', is ' || c.state || ', and nobody tells it' as detail
      from attempt a join run c on c.parent_run = a.run_id and c.parent_task = a.task and c.parent_attempt = a.n
      where a.state in ${LIVE_ATTEMPT} and c.state in ${TERMINAL_RUN_STATES}
        and not exists (${WAITING_COMMAND('a.run_id')} and ${d.jsonText('c.action', 'kind')} = 'child-finished')
      order by 1, 2, 3 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'schedules that nobody looks at',
    sql: (d) => `
      select ${SCHEDULE_NAMED} as subject, 'its tick ' || s.next_nominal_at || ' was due ' || ((${d.nowMs} - s.next_due_at) / 1000) || ' s ago' as detail
      from schedule s
      where s.online = 1 and s.next_due_at < ${d.nowMs} - ${DUE_MS} and ${NOT_HELD_STILL} order by s.next_due_at, s.id limit ?`,
  },
  {
    invariant: 'L4',
    name: 'deadlines that nobody looks at',
    sql: (d) => `
      select 'deadline ' || e.name || ' of workflow ' || e.workflow_id as subject,
        'it was to be looked at ' || ((${d.nowMs} - e.next_check_at) / 1000) || ' s ago' as detail
      from deadline e
      where e.enabled = 1 and e.next_check_at < ${d.nowMs} - ${DUE_MS} and ${NOT_HELD_STILL} order by e.next_check_at, e.id limit ?`,
  },
  {
    invariant: 'L4',
    name: 'backfills that nobody drives',
    sql: (d) => `
      select 'backfill ' || id as subject, 'it is ' || state || '; dates pending are ' || pending_dates || ' and running ' || running_dates
        || ' of ' || at_once || ', and no further one begins' as detail
      from backfill
      where ended_at is null and state <> 'paused' and pending_dates > 0 and running_dates < at_once
        and updated_at < ${d.nowMs} - ${DUE_MS} order by id limit ?`,
  },
  {
    invariant: 'L4',
    name: 'runs that nobody starts',
    sql: () => `
      select r.id as run_id, 'it is ' || r.state || ', and no command is on its way' as detail
      from run r where r.state in ('queued', 'waiting') and (r.turn is null or r.turn = 'superseded')
        and not exists (${WAITING_COMMAND('r.id')}) order by 1 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'runs whose turn never comes',
    sql: () => `
      select r.id as run_id, 'it waits for its turn (' || r.turn || '), but nobody else of its workflow is under way' as detail
      from run r where r.state not in ${TERMINAL_RUN_STATES} and r.turn in ('serial_wait', 'serial_priority')
        and not exists (
          select 1 from run o
          where o.workflow_id = r.workflow_id and o.id <> r.id and o.dry_run = 0 and o.state not in ${TERMINAL_RUN_STATES}
            and (o.turn is null or (o.turn = 'superseded' and exists (${WAITING_COMMAND('o.id')}))))
      order by 1 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'runs without a living owner',
    sql: (d) => `
      select r.id as run_id, 'it is ' || r.state || case when r.owner is null then ', nobody owns it and no master lives' else ', and its owner, master ' || r.owner || ', is gone' end as detail
      from run r left join master m on m.id = r.owner
      where r.state not in ${TERMINAL_RUN_STATES} and r.state not in ('queued', 'waiting')
        and case when r.owner is null
          then not exists (select 1 from master l where l.fenced_at is null and l.lease_until > ${d.nowMs})
          else m.id is null or m.fenced_at < ${d.nowMs} - ${DUE_MS} or (m.fenced_at is null and m.lease_until < ${d.nowMs} - ${DUE_MS}) end
      order by 1 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'runs that never end',
    sql: (d) => `
      with ${BEGUN}, ${TASKS(d)}, size as (select workflow_id, version, count(*) as tasks from task group by 1, 2)
      select b.id as run_id, 'it is ' || b.state || ', although all of its ' || s.tasks || ' tasks have ended' as detail
      from begun b join size s on s.workflow_id = b.workflow_id and s.version = b.version
      where s.tasks <= (select count(*) from task_run t where t.run_id = b.id and t.state in ${TERMINAL_TASK_RUN_STATES})
      order by 1 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'paused runs without a reason',
    sql: () => `
      select id as run_id, 'it is paused and does not say what for' as detail
      from run where state = 'paused' and wait_reason is null order by 1 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'pending tasks that nothing holds up',
    sql: (d) => `
      with ${BEGUN}, ${TASKS(d)}, ${EDGES(d)}, free as (
        select b.id as run_id, t.task
        from begun b join task t on t.workflow_id = b.workflow_id and t.version = b.version
          left join task_run r on r.run_id = b.id and r.task = t.task
        where r.run_id is null or r.state = 'pending'
        except
        select b.id, e.task from begun b join edge e on e.workflow_id = b.workflow_id and e.version = b.version ${OPEN_PREDECESSOR})
      select f.run_id, f.task, 'it is pending, although all that it needs has ended, in a run that is ' || b.state as detail
      from free f join begun b on b.id = f.run_id order by 1, 2 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'tasks without a timer',
    sql: (d) => `
      select t.run_id, t.task, 'it is ' || t.state || case
        when r.state = 'stopping' then ' in a run that is being stopped'
        when t.wake_at is null then ' and has no timer'
        else ', and its timer was due ' || ((${d.nowMs} - t.wake_at) / 1000) || ' s ago' end as detail
      from run r cross join task_run t
      where r.state not in ${TERMINAL_RUN_STATES} and t.run_id = r.id and t.state in ('delayed', 'retry_wait')
        and (r.state = 'stopping' or t.wake_at is null or (r.state = 'running' and t.wake_at < ${d.nowMs} - ${DUE_MS}))
      order by 1, 2 limit ?`,
  },
  {
    // A sub-workflow that is looked up waits for an answer of the store, and whoever takes the run over asks again.
    invariant: 'L4',
    name: 'queued tasks without a reason',
    sql: (d) => `
      with ${BEGUN}, ${TASKS(d)}
      select q.run_id, q.task, case when b.state <> 'running' then 'it is queued in a run that is ' || b.state
        when q.ready_at is null then 'it is queued and does not say since when' else 'it is queued and does not say what for' end as detail
      from begun b join task_run q on q.run_id = b.id
        join task t on t.workflow_id = b.workflow_id and t.version = b.version and t.task = q.task
      where q.state = 'queued'
        and (b.state <> 'running' or q.ready_at is null or (q.wait_reason is null and t.type <> 'sub_workflow'))
      order by 1, 2 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'paused tasks of runs that go on',
    sql: () => `
      select t.run_id, t.task, 'it is paused in a run that is ' || r.state as detail
      from run r cross join task_run t
      where r.state not in ${TERMINAL_RUN_STATES} and t.run_id = r.id and t.state = 'paused'
        and r.state not in ('pausing', 'paused') order by 1, 2 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'tasks without their attempt',
    sql: () => `
      select t.run_id, t.task, 'it is ' || t.state || case when a.n is null then ', but its attempt ' || t.attempts || ' is not there'
        when a.state not in ${LIVE_ATTEMPT} then ', but its attempt is ' || a.state else ', but its attempt says nothing of a kill' end as detail
      from run r cross join task_run t left join attempt a on a.run_id = t.run_id and a.task = t.task and a.n = t.attempts
      where r.state not in ${TERMINAL_RUN_STATES} and t.run_id = r.id and t.state in ${LIVE_TASK}
        and (a.n is null or a.state not in ${LIVE_ATTEMPT} or (t.state = 'killing' and a.kill_intent is null))
      order by 1, 2 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'attempts without their task',
    sql: () => `
      select a.run_id, a.task, a.n, 'it is ' || a.state || ', but its task is ' || coalesce(t.state, 'pending') as detail
      from attempt a join run r on r.id = a.run_id left join task_run t on t.run_id = a.run_id and t.task = a.task
      where a.state in ${LIVE_ATTEMPT} and r.state not in ${TERMINAL_RUN_STATES}
        and (t.run_id is null or t.state not in ${LIVE_TASK}) order by 1, 2, 3 limit ?`,
  },
  {
    // Whose worker may come back, for a task that waits for that, says so in its wait reason.
    invariant: 'L4',
    name: 'attempts of workers that are gone',
    sql: (d) => `
      with ${BEGUN}, ${TASKS(d)}
      select a.run_id, a.task, a.n, 'it is ' || a.state || case when w.id is null then ' on worker ' || a.worker || ', which is not there'
        else ', and its worker, ' || w.name || ', has been silent for ' || ((${d.nowMs} - w.seen_at) / 1000) || ' s' end as detail
      from attempt a join begun b on b.id = a.run_id
        join task t on t.workflow_id = b.workflow_id and t.version = b.version and t.task = a.task
        join task_run r on r.run_id = a.run_id and r.task = a.task left join worker w on w.id = a.worker
      where a.state in ${LIVE_ATTEMPT} and a.worker <> ${LOGIC} and r.wait_reason is null
        and (w.id is null or w.seen_at < ${d.nowMs} - ${SILENT_MS} - coalesce(t.lease_ms, 0)) order by 1, 2, 3 limit ?`,
  },
  {
    invariant: 'L4',
    name: 'sub-workflows without a child',
    sql: (d) => `
      with ${BEGUN}, ${TASKS(d)}
      select a.run_id, a.task, a.n, 'it waits for a child that was never started' as detail
      from attempt a join begun b on b.id = a.run_id
        join task t on t.workflow_id = b.workflow_id and t.version = b.version and t.task = a.task and t.type = 'sub_workflow'
      where a.state in ${LIVE_ATTEMPT} and not exists (
        select 1 from run c where c.parent_run = a.run_id and c.parent_task = a.task and c.parent_attempt = a.n)
      order by 1, 2, 3 limit ?`,
  },
];

/** Names of all questions, each with its invariant. */
export const INVARIANT_CHECKS: readonly { invariant: string; name: string }[] = QUESTIONS.map(
  ({ invariant, name }) => ({ invariant, name }),
);
