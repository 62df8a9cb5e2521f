/** Runs in progress. */
import '../runs/texts.ts';
import type { RunView } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { buttonClass } from '../../ui/button.tsx';
import { useWaitText } from '../../ui/cause-words.ts';
import { StateBadge } from '../../ui/state-badge.tsx';
import { span, useNow } from '../../ui/time.tsx';
import { ProgressBar } from '../runs/run-rows.tsx';
import { ListPanel } from './list-panel.tsx';
import { RunName } from './run-name.tsx';
import { useRunning } from './running.ts';

export function RunningPanel(): ReactNode {
  const { t } = useTranslation('home');
  const asked = useRunning();
  return (
    <ListPanel
      title={t('running')}
      actions={
        <Link
          to="/runs"
          search={{ state: 'queued,waiting,running,pausing,stopping,paused' }}
          className={buttonClass('quiet', 'small')}
        >
          {t('all')}
        </Link>
      }
      asked={asked}
      rows={asked.data?.items ?? []}
      hasMore={(asked.data?.nextCursor ?? null) !== null}
      keyOf={({ id }) => id}
      row={(run) => <Running run={run} />}
      empty={t('runningNone')}
    />
  );
}

function Running({ run }: { run: RunView }): ReactNode {
  const { t } = useTranslation('home');
  const waitText = useWaitText();
  const now = useNow();
  const { startedAt, estimatedRemainingMs, waitReason } = run;
  const told = [
    startedAt === null ? '' : span(Math.max(0, now - Date.parse(startedAt))),
    waitReason ? waitText(waitReason) : '',
    estimatedRemainingMs ? t('remaining', { span: span(estimatedRemainingMs) }) : '',
  ];
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <div className="min-w-0 grow basis-56">
        <RunName run={run} />
        <p className="text-xs text-ink-2 tabular-nums">{told.filter(Boolean).join(' · ')}</p>
      </div>
      <div className="w-32">
        <ProgressBar run={run} />
      </div>
      <StateBadge state={run.state} />
    </div>
  );
}
