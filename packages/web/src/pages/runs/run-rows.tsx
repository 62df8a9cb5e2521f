/** Runs in rows: which, how it stands and why. */
import type { RunView } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import { memo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useCauseText, useWaitText } from '../../ui/cause-words.ts';
import type { PagedList } from '../../ui/paged.tsx';
import { ScrolledRows } from '../../ui/scrolled-rows.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { span, Time, useNow } from '../../ui/time.tsx';
import { zoneDate } from '../../ui/zone-dates.ts';

const COLUMNS =
  'grid grid-cols-[auto_minmax(0,1fr)_auto] lg:grid-cols-[auto_4.5rem_minmax(0,1.3fr)_10rem_8rem_6.5rem_6rem_minmax(0,1.5fr)] gap-x-3';
const HEAD = ['run', 'workflow', 'state', 'progress', 'submitted', 'duration', 'cause'] as const;

export interface RunRowsProps {
  items: readonly RunView[];
  chosen: ReadonlySet<number>;
  onChoose: (run: number, on: boolean) => void;
  more: PagedList<RunView>['more'];
}

export function RunRows({ items, chosen, onChoose, more }: RunRowsProps): ReactNode {
  const { t } = useTranslation('runs');
  return (
    <ScrolledRows
      label={t('title')}
      items={items}
      keyOf={({ id }) => id}
      more={more}
      rowHeight={45}
      columns={COLUMNS}
      head={
        <>
          <span role="columnheader" className="w-4" />
          {HEAD.map((name) => (
            <span
              key={name}
              role="columnheader"
              className={name === 'workflow' || name === 'state' ? '' : 'hidden lg:block'}
            >
              {t(`columns.${name}`)}
            </span>
          ))}
        </>
      }
    >
      {(run) => <Row run={run} chosen={chosen.has(run.id)} onChoose={onChoose} />}
    </ScrolledRows>
  );
}

/** Rendered again when its run changes, not when the list is measured or scrolled. */
const Row = memo(function Row({
  run,
  chosen,
  onChoose,
}: {
  run: RunView;
  chosen: boolean;
  onChoose: RunRowsProps['onChoose'];
}): ReactNode {
  const { t } = useTranslation('runs');
  const causeText = useCauseText();
  const waitText = useWaitText();
  const why = run.waitReason
    ? waitText(run.waitReason)
    : run.firstFailure
      ? `${run.firstFailure.task}: ${causeText(run.firstFailure.cause)}`
      : causeText(run.cause);
  const id = String(run.id);
  return (
    <>
      <div role="cell" className="flex">
        <input
          type="checkbox"
          className="size-4 accent-accent"
          aria-label={t('select', { id })}
          checked={chosen}
          onChange={(event) => onChoose(run.id, event.target.checked)}
        />
      </div>
      <div role="cell" className="hidden tabular-nums lg:block">
        <Link to="/runs/$run" params={{ run: id }} className="text-accent hover:underline">
          #{id}
        </Link>
      </div>
      <div role="cell" className="min-w-0">
        <div className="truncate">
          <Link to="/runs/$run" params={{ run: id }} className="me-1 text-accent tabular-nums lg:hidden">
            #{id}
          </Link>
          <span className="text-ink-2">{run.project} / </span>
          <Link
            to="/projects/$project/workflows/$workflow"
            params={{ project: run.project, workflow: run.workflow }}
            className="font-medium hover:underline"
          >
            {run.workflow}
          </Link>
        </div>
        {run.execType !== 'DIRECT' && (
          <div className="truncate text-xs text-ink-2">
            {t(`kinds.${run.execType}`)} · {zoneDate(run.logicalDate, run.zone)} {run.zone}
          </div>
        )}
        <div className="truncate text-xs text-ink-2 lg:hidden" title={why}>
          {why === '' ? <Time at={run.submittedAt} /> : why}
        </div>
      </div>
      <div role="cell">
        <StateBadge state={run.state} />
      </div>
      <div role="cell" className="hidden lg:block">
        <ProgressBar run={run} />
      </div>
      <div role="cell" className="hidden lg:block">
        <Time at={run.submittedAt} />
      </div>
      <div role="cell" className="hidden tabular-nums lg:block">
        <Duration run={run} />
      </div>
      <div role="cell" className="hidden truncate text-ink-2 lg:block" title={why}>
        {why}
      </div>
    </>
  );
});

/** How far it is, as a bar and as a number. */
export function ProgressBar({ run }: { run: RunView }): ReactNode {
  const { t } = useTranslation('runs');
  const percent = Math.floor(run.progress * 100);
  const tone =
    run.state === 'failed' || run.state === 'dependency_failed'
      ? 'bg-bad'
      : run.state === 'succeeded'
        ? 'bg-ok'
        : 'bg-run';
  return (
    <div className="flex items-center gap-2">
      <div
        role="progressbar"
        aria-label={t('columns.progress')}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
        className="h-1.5 grow overflow-hidden rounded-full bg-surface-3"
      >
        <div className={`h-full ${tone}`} style={{ width: `${percent}%` }} />
      </div>
      <span className="w-10 text-end text-xs whitespace-nowrap tabular-nums">{percent} %</span>
    </div>
  );
}

function Duration({ run }: { run: RunView }): ReactNode {
  if (run.startedAt === null) return null;
  return run.endedAt === null ? <Running since={Date.parse(run.startedAt)} /> : <>{span(run.durationMs ?? 0)}</>;
}

function Running({ since }: { since: number }): ReactNode {
  return <>{span(Math.max(0, useNow() - since))}</>;
}
