/** All backfills that may be seen, how far each is, and the way to a new one. */
import './texts.ts';
import type { BackfillStateName, BackfillSummary } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useFreshLists } from '../../api/changes.ts';
import { api } from '../../api/client.ts';
import { useMayAnywhere } from '../../app/session.tsx';
import { buttonClass } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Select } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';
import { DateCounts } from './date-counts.tsx';
import { WhyBackfillWaits } from './why-waits.tsx';
import { zoneDate } from '../../ui/zone-dates.ts';

const STATES: readonly BackfillStateName[] = ['pending', 'running', 'paused', 'succeeded', 'failed', 'stopped'];
const PAGE_SIZE = 50;
/** What changes is told; this is for when nobody tells. */
const EVERY_MS = 30_000;

export function BackfillsPage(): ReactNode {
  const { t } = useTranslation('backfills');
  const search = useSearch({ from: '/backfills' });
  const navigate = useNavigate({ from: '/backfills' });
  const projects = useQuery({ queryKey: ['projects'], queryFn: ({ signal }) => api.projects.list(signal) });
  const state = STATES.find((each) => each === search.state);
  const { project } = search;
  useFreshLists('backfills', project);
  const list = usePaged(
    ['backfills', project ?? '', state ?? ''],
    (cursor, signal) =>
      api.backfills.list(
        {
          limit: PAGE_SIZE,
          ...(project ? { project } : {}),
          ...(state === undefined ? {} : { state }),
          ...(cursor === undefined ? {} : { cursor }),
        },
        signal,
      ),
    EVERY_MS,
  );
  const change = (part: { project?: string; state?: string }): void => {
    const next = Object.entries({ ...search, ...part }).filter(([, value]) => value);
    void navigate({ search: Object.fromEntries(next), replace: true });
  };
  const mayCreate = useMayAnywhere('execute');
  const create = mayCreate && (
    <Link to="/backfills/new" search={project ? { project } : {}} className={buttonClass('primary')}>
      <Plus className="size-4" aria-hidden /> {t('create')}
    </Link>
  );
  const isFiltered = Boolean(project) || state !== undefined;
  return (
    <Page title={t('title')} actions={create}>
      <div className="flex flex-wrap gap-2">
        <Select
          className="max-md:flex-1 md:max-w-48"
          aria-label={t('project')}
          value={project ?? ''}
          onChange={(event) => change({ project: event.target.value })}
        >
          <option value="">{t('allProjects')}</option>
          {projects.data?.items.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
        <Select
          className="max-md:flex-1 md:max-w-48"
          aria-label={t('state')}
          value={state ?? ''}
          onChange={(event) => change({ state: event.target.value })}
        >
          <option value="">{t('anyState')}</option>
          {STATES.map((each) => (
            <option key={each} value={each}>
              {t(`state.${each}`, { ns: 'common' })}
            </option>
          ))}
        </Select>
      </div>
      <PagedTable
        list={list}
        label={t('title')}
        columns={useColumns()}
        keyOf={({ id }) => id}
        empty={
          isFiltered ? (
            <EmptyState title={t('nothing')} />
          ) : (
            <EmptyState title={t('empty')} action={create}>
              {t('emptyHint')}
            </EmptyState>
          )
        }
      />
    </Page>
  );
}

function useColumns(): Column<BackfillSummary>[] {
  const { t } = useTranslation('backfills');
  return [
    {
      id: 'id',
      name: t('columns.id'),
      cell: ({ id, project, workflow }) => (
        <Link to="/backfills/$backfill" params={{ backfill: String(id) }} className="group">
          <span className="text-accent tabular-nums group-hover:underline">#{id}</span>{' '}
          <span className="text-ink-2">{project} / </span>
          <span className="font-medium group-hover:underline">{workflow}</span>
        </Link>
      ),
    },
    {
      id: 'range',
      name: t('columns.range'),
      cell: ({ startDate, endDate, zone }) => (
        <>
          {zoneDate(startDate, zone, true)} – {zoneDate(endDate, zone, true)}{' '}
          <span className="text-xs text-ink-2">{zone}</span>
        </>
      ),
    },
    {
      id: 'state',
      name: t('columns.state'),
      cell: (backfill) => (
        <>
          <StateBadge state={backfill.state} />
          <WhyBackfillWaits backfill={backfill} />
        </>
      ),
    },
    { id: 'progress', name: t('columns.progress'), cell: (backfill) => <DateCounts backfill={backfill} /> },
    {
      id: 'created',
      name: t('columns.created'),
      cell: ({ createdAt, submittedBy }) => (
        <>
          <Time at={createdAt} /> <span className="text-ink-2">{submittedBy}</span>
        </>
      ),
    },
  ];
}
