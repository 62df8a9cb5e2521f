/** What should have happened by now: ticks that did not come, deadlines that were missed, runs that take longer than usual. */
import type { DeadlineView, LastRunView, RunView } from '@pelorus/protocol';
import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleCheck, Clock } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { useMaintenance } from '../../app/maintenance.tsx';
import { relativeTime, span, Time, useNow } from '../../ui/time.tsx';
import { ListPanel } from './list-panel.tsx';
import { useOnlineSchedules, type Expected } from './online-schedules.ts';
import { RunName } from './run-name.tsx';
import { useRunning } from './running.ts';

/** Ticks come within a second; masters that are busy or just starting are given this. */
const LATE_AFTER_MS = 60_000;
/** Longer than usual: by so much more than the median, and at least by so much. */
const SLOW_FACTOR = 1.5;
const SLOW_AT_LEAST_MS = 30_000;
const COMPARED = 20;
const COMPARED_AT_LEAST = 3;
const DEADLINES_READ = 500;

type Late =
  | { kind: 'tick'; schedule: Expected }
  | { kind: 'deadline'; deadline: DeadlineView }
  | { kind: 'slow'; run: RunView; usualMs: number };

export function LatePanel({ since }: { since: string }): ReactNode {
  const { t } = useTranslation('home');
  const now = useNow(10_000);
  const maintenance = useMaintenance();
  const schedules = useOnlineSchedules();
  const slow = useSlowRuns(now);
  const deadlines = useMissedDeadlines(since);
  const ticks =
    maintenance.data?.paused === true
      ? []
      : (schedules.data ?? []).filter(({ nextFire }) => Date.parse(nextFire.dueAt) < now - LATE_AFTER_MS);
  const rows: Late[] = [...ticks.map((schedule): Late => ({ kind: 'tick', schedule })), ...deadlines, ...slow];
  return (
    <ListPanel
      title={t('late')}
      asked={schedules}
      rows={rows}
      keyOf={keyOf}
      row={(late) => <LateRow late={late} now={now} />}
      empty={
        <span className="inline-flex items-center gap-1.5 text-ok">
          <CircleCheck className="size-4" aria-hidden /> {t('lateNone')}
        </span>
      }
    />
  );
}

function keyOf(late: Late): string {
  switch (late.kind) {
    case 'tick':
      return `${late.schedule.project}/${late.schedule.workflow}/${late.schedule.name}`;
    case 'deadline':
      return `deadline ${late.deadline.project}/${late.deadline.workflow}/${late.deadline.name}`;
    case 'slow':
      return `run ${late.run.id}`;
  }
}

function LateRow({ late, now }: { late: Late; now: number }): ReactNode {
  const { t } = useTranslation('home');
  return (
    <div className="flex items-start gap-2">
      <Clock className="mt-0.5 size-4 shrink-0 text-warn" aria-hidden />
      {late.kind === 'tick' ? (
        <p className="min-w-0">
          <Link to="/schedules" search={{ q: late.schedule.workflow }} className="font-medium hover:underline">
            {late.schedule.project} / {late.schedule.workflow}
          </Link>{' '}
          <span className="text-warn">
            {t('lateTick', { when: relativeTime(Date.parse(late.schedule.nextFire.dueAt), now) })}
          </span>
        </p>
      ) : late.kind === 'slow' ? (
        <p className="min-w-0">
          <RunName run={late.run} />{' '}
          <span className="text-warn">
            {t('slow', { span: span(late.run.durationMs ?? 0), usual: span(late.usualMs) })}
          </span>
        </p>
      ) : (
        <MissedDeadline deadline={late.deadline} />
      )}
    </div>
  );
}

function MissedDeadline({
  deadline: { project, workflow, name, task, lastMissedAt },
}: {
  deadline: DeadlineView;
}): ReactNode {
  const { t } = useTranslation('home');
  return (
    <p className="min-w-0 break-words">
      <Link
        to="/projects/$project/workflows/$workflow"
        params={{ project, workflow }}
        className="font-medium hover:underline"
      >
        {project} / {workflow}
      </Link>{' '}
      <span className="text-warn">{task === null ? t('deadline', { name }) : t('deadlineOf', { name, task })}</span> ·{' '}
      <Time at={lastMissedAt} />
    </p>
  );
}

/** Whatever was told to anybody. */
function useMissedDeadlines(since: string): Late[] {
  const { data } = useQuery({
    queryKey: ['home', 'deadlines'],
    queryFn: ({ signal }) => api.deadlines.listAll({ limit: DEADLINES_READ }, signal),
  });
  return (data?.items ?? []).flatMap((deadline): Late[] =>
    deadline.lastMissedAt !== null && deadline.lastMissedAt >= since ? [{ kind: 'deadline', deadline }] : [],
  );
}

function useSlowRuns(now: number): Late[] {
  const running = (useRunning().data?.items ?? []).filter(({ state }) => state === 'running');
  const workflows = [...new Map(running.map((run) => [`${run.project}/${run.workflow}`, run])).values()];
  const usual = useQueries({
    queries: workflows.map(({ project, workflow }) => ({
      queryKey: ['usual-duration', project, workflow],
      queryFn: async ({ signal }: { signal: AbortSignal }) => {
        const { items } = await api.workflows.list({ project, q: workflow, lastRuns: COMPARED, limit: 100 }, signal);
        return medianOf(items.find(({ name }) => name === workflow)?.lastRuns ?? []);
      },
      staleTime: 60_000,
    })),
  });
  return running.flatMap((run): Late[] => {
    const at = workflows.findIndex(({ project, workflow }) => project === run.project && workflow === run.workflow);
    const usualMs = usual[at]?.data ?? null;
    if (usualMs === null || run.startedAt === null) return [];
    const durationMs = now - Date.parse(run.startedAt);
    const isSlow = durationMs > Math.max(usualMs * SLOW_FACTOR, usualMs + SLOW_AT_LEAST_MS);
    return isSlow ? [{ kind: 'slow', run: { ...run, durationMs }, usualMs }] : [];
  });
}

/** Of those that succeeded; null: too few to say. */
function medianOf(runs: readonly LastRunView[]): number | null {
  const durations = runs
    .flatMap(({ state, startedAt, endedAt }) =>
      state === 'succeeded' && startedAt !== null && endedAt !== null
        ? [Date.parse(endedAt) - Date.parse(startedAt)]
        : [],
    )
    .toSorted((one, other) => one - other);
  return durations.length < COMPARED_AT_LEAST ? null : (durations[Math.floor(durations.length / 2)] ?? null);
}
