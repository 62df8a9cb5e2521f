/** Runs that have not begun, with the reason, and the task groups that hold tasks back. */
import type { RunView } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { useWaitText } from '../../ui/cause-words.ts';
import type { Column } from '../../ui/data-table.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';
import { TaskGroups } from './task-groups.tsx';

const EVER = '1970-01-01T00:00:00Z';

export function WaitingTab(): ReactNode {
  const { t } = useTranslation('operations');
  const waitText = useWaitText();
  const list = usePaged(
    ['runs-waiting'],
    (cursor, signal) =>
      api.runs.list(
        { state: ['queued', 'waiting'], submittedAfter: EVER, limit: 100, ...(cursor === undefined ? {} : { cursor }) },
        signal,
      ),
    3000,
  );
  const columns: Column<RunView>[] = [
    {
      id: 'run',
      name: t('waiting.run'),
      cell: ({ id }) => (
        <Link to="/runs/$run" params={{ run: String(id) }} className="font-mono text-accent hover:underline">
          #{id}
        </Link>
      ),
    },
    {
      id: 'workflow',
      name: t('waiting.workflow'),
      cell: ({ project, workflow }) => (
        <Link
          to="/projects/$project/workflows/$workflow"
          params={{ project, workflow }}
          className="text-accent hover:underline"
        >
          {project} / {workflow}
        </Link>
      ),
    },
    { id: 'state', name: t('waiting.state'), cell: ({ state }) => <StateBadge state={state} /> },
    {
      id: 'reason',
      name: t('waiting.reason'),
      cell: ({ waitReason }) => (waitReason === null ? t('waiting.noReason') : waitText(waitReason)),
    },
    { id: 'since', name: t('waiting.since'), cell: ({ submittedAt }) => <Time at={submittedAt} /> },
  ];
  return (
    <div className="grid gap-6">
      <section className="grid gap-2">
        <h2 className="font-semibold">{t('waiting.runs')}</h2>
        <PagedTable
          list={list}
          label={t('waiting.runs')}
          columns={columns}
          keyOf={({ id }) => id}
          empty={<EmptyState title={t('waiting.runsEmpty')}>{t('waiting.runsEmptyHint')}</EmptyState>}
        />
      </section>
      <TaskGroups />
    </div>
  );
}
