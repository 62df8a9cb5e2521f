/** The head of a run: what it is, how it stands, how far it is, where it came from. */
import { isTerminalRun, type RunView, type TaskRunState } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import clsx from 'clsx';
import { Hourglass } from 'lucide-react';
import { useEffect, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { RunPicture } from '../../api/run-live.ts';
import { useCauseText, useWaitText } from '../../ui/cause-words.ts';
import { STATE_LOOK, StateBadge } from '../../ui/state-badge.tsx';
import { absoluteTime, span, Time, useNow } from '../../ui/time.tsx';

export function RunHead({
  run,
  connection,
  actions,
  failure,
}: {
  run: RunView;
  connection: RunPicture['connection'];
  actions: ReactNode;
  /** Its cause, before anything else. */
  failure: ReactNode;
}): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const waitText = useWaitText();
  const causeText = useCauseText();
  const state = common(`state.${run.state}`);
  useEffect(() => {
    document.title = `#${run.id} ${run.workflow} · ${state} · Pelorus`;
  }, [run.id, run.workflow, state]);
  return (
    <header className="grid gap-2">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <h1 className="min-w-0 text-lg font-semibold break-words md:text-xl">
          <span className="font-normal text-ink-2">{run.project} / </span>
          <Link
            to="/projects/$project/workflows/$workflow"
            params={{ project: run.project, workflow: run.workflow }}
            className="hover:underline"
          >
            {run.workflow}
          </Link>{' '}
          <span className="font-mono text-ink-2">#{run.id}</span>
        </h1>
        <StateBadge state={run.state} className="text-sm" />
        {run.dryRun && <Chip>{t('head.dryRun')}</Chip>}
        {!isTerminalRun(run.state) && (
          <span role="status" className={clsx('text-xs', connection === 'interrupted' ? 'text-warn' : 'text-run')}>
            {connection === 'interrupted' ? common('live.off') : connection === 'live' && `● ${common('live.on')}`}
          </span>
        )}
        <div className="ms-auto flex flex-wrap gap-1.5">{actions}</div>
      </div>
      {failure}
      {run.waitReason !== null && (
        <p className="flex items-center gap-2 rounded-md bg-warn-soft px-3 py-1.5 text-warn">
          <Hourglass className="size-4 shrink-0" aria-hidden /> {waitText(run.waitReason)}
        </p>
      )}
      {run.cause !== null && run.firstFailure === null && (
        <p className="rounded-md bg-surface-3 px-3 py-1.5">{causeText(run.cause)}</p>
      )}
      <Progress run={run} />
      <Facts run={run} />
    </header>
  );
}

/** From the best to the worst, then what is still to come. */
const BAR: readonly TaskRunState[] = [
  'succeeded',
  'forced_success',
  'reused',
  'failed',
  'upstream_failed',
  'killed',
  'killing',
  'running',
  'dispatched',
  'retry_wait',
  'queued',
  'delayed',
  'paused',
  'skipped',
  'pending',
];
/** Of a bar that shows how far it is, nothing. */
const NOT_BEGUN: ReadonlySet<TaskRunState> = new Set(['pending', 'queued', 'delayed', 'skipped']);
const FILL = { ok: 'bg-ok', run: 'bg-run', bad: 'bg-bad', warn: 'bg-warn', idle: 'bg-line-strong', hold: 'bg-hold' };

function Progress({ run }: { run: RunView }): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const percent = Math.floor(run.progress * 100);
  const shown = BAR.flatMap((state) => {
    const count = run.counts[state] ?? 0;
    return count === 0 ? [] : [{ state, count }];
  });
  return (
    <div className="grid gap-1">
      <div
        role="progressbar"
        aria-label={t('head.progress')}
        aria-valuenow={percent}
        className="flex h-2 overflow-hidden rounded-full bg-surface-3"
      >
        {shown.map(({ state, count }) => (
          <span
            key={state}
            title={`${common(`state.${state}`)}: ${count}`}
            className={clsx(
              NOT_BEGUN.has(state) ? 'bg-surface-3' : FILL[STATE_LOOK[state].tone],
              (state === 'running' || state === 'killing') && 'animate-pulse',
            )}
            style={{ width: `${(count / Math.max(1, run.taskCount)) * 100}%` }}
          />
        ))}
      </div>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-0.5 text-xs text-ink-2">
        <b className="text-ink">{percent} %</b>
        {run.estimatedRemainingMs !== null && run.estimatedRemainingMs > 0 && !isTerminalRun(run.state) && (
          <span>{t('head.remaining', { span: span(run.estimatedRemainingMs) })}</span>
        )}
        {shown.map(({ state, count }) => {
          const { icon: Icon } = STATE_LOOK[state];
          return (
            <span key={state} className="inline-flex items-center gap-1">
              <Icon className="size-3.5" aria-hidden />
              {count} {common(`state.${state}`)}
            </span>
          );
        })}
      </div>
    </div>
  );
}

function Facts({ run }: { run: RunView }): ReactNode {
  const { t } = useTranslation('run');
  return (
    <dl className="flex flex-wrap gap-x-5 gap-y-1 text-xs">
      <Fact name={t('head.logicalDate')}>{absoluteTime(run.logicalDate, run.zone)}</Fact>
      <Fact name={t('head.started')}>
        <Time at={run.startedAt} />
      </Fact>
      <Fact name={t('head.took')}>
        <Took run={run} />
      </Fact>
      <Fact name={t('head.submitted')}>
        {t(`head.execType.${run.execType}`)} · {run.submittedBy}
      </Fact>
      {run.mode !== 'whole' && (
        <Fact name={t('head.mode')}>{t(`head.modes.${run.mode}`, { defaultValue: run.mode })}</Fact>
      )}
      <Fact name={t('head.version')}>
        <Link
          to="/projects/$project/workflows/$workflow"
          params={{ project: run.project, workflow: run.workflow }}
          search={{ tab: 'versions' }}
          className="text-accent underline"
        >
          {run.version}
        </Link>
      </Fact>
      {run.parent !== null && (
        <Fact name={t('head.parent')}>
          <RunLink id={run.parent.run} />
        </Fact>
      )}
      {run.rerunOf !== null && (
        <Fact name={t('head.rerunOf')}>
          <RunLink id={run.rerunOf} />
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <div className="flex gap-1.5">
      <dt className="text-ink-2">{name}</dt>
      <dd className="font-medium">{children}</dd>
    </div>
  );
}

export function Chip({ children }: { children: ReactNode }): ReactNode {
  return <span className="rounded-full bg-surface-3 px-2 py-0.5 text-xs font-medium text-ink-2">{children}</span>;
}

function Took({ run }: { run: RunView }): ReactNode {
  const now = useNow();
  if (run.startedAt === null) return '–';
  const end = run.endedAt === null ? now : Date.parse(run.endedAt);
  return span(Math.max(0, end - Date.parse(run.startedAt)));
}

export function RunLink({ id }: { id: number }): ReactNode {
  return (
    <Link to="/runs/$run" params={{ run: String(id) }} className="font-mono text-accent underline">
      #{id}
    </Link>
  );
}
