import type { RunView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleCheck, FileText } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { buttonClass } from '../../ui/button.tsx';
import { useCauseText } from '../../ui/cause-words.ts';
import { StateBadge } from '../../ui/state-badge.tsx';
import { Time } from '../../ui/time.tsx';
import { ListPanel } from './list-panel.tsx';
import { RunName } from './run-name.tsx';

const SHOWN = 8;

/** The cause first, and the way to the log. */
export function FailedPanel({ since }: { since: string }): ReactNode {
  const { t } = useTranslation('home');
  const asked = useQuery({
    queryKey: ['home', 'failed', since],
    queryFn: ({ signal }) =>
      api.runs.list({ state: ['failed', 'dependency_failed'], submittedAfter: since, limit: SHOWN }, signal),
  });
  return (
    <ListPanel
      title={t('failed')}
      actions={
        <Link
          to="/runs"
          search={{ state: 'failed,dependency_failed', since }}
          className={buttonClass('quiet', 'small')}
        >
          {t('all')}
        </Link>
      }
      asked={asked}
      rows={asked.data?.items ?? []}
      hasMore={(asked.data?.nextCursor ?? null) !== null}
      keyOf={({ id }) => id}
      row={(run) => <Failed run={run} />}
      empty={
        <span className="inline-flex items-center gap-1.5 text-ok">
          <CircleCheck className="size-4" aria-hidden /> {t('failedNone')}
        </span>
      }
    />
  );
}

function Failed({ run }: { run: RunView }): ReactNode {
  const { t } = useTranslation('home');
  const causeText = useCauseText();
  const { firstFailure, cause, id } = run;
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <div className="min-w-0 grow basis-40">
        <p className="break-words text-bad">
          {firstFailure !== null && <b className="font-medium">{firstFailure.task}: </b>}
          {causeText(firstFailure?.cause ?? cause)}
        </p>
        <p className="text-xs">
          <RunName run={run} /> · <Time at={run.endedAt ?? run.submittedAt} />
        </p>
      </div>
      <span className="max-sm:hidden">
        <StateBadge state={run.state} />
      </span>
      {firstFailure !== null && (
        <Link
          to="/runs/$run"
          params={{ run: String(id) }}
          search={{ task: firstFailure.task }}
          className={buttonClass('plain', 'small')}
          aria-label={t('logOf', { task: firstFailure.task, run: id })}
        >
          <FileText className="size-3.5" aria-hidden /> {t('log')}
        </Link>
      )}
    </div>
  );
}
