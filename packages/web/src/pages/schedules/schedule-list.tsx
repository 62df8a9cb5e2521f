/** All schedules that one may see, with when they fire next. */
import type { ScheduleFire, ScheduleView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Plus } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useFreshLists } from '../../api/changes.ts';
import { api, queries } from '../../api/client.ts';
import { useMayAnywhere } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import { Input, Select } from '../../ui/field.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { useSettled } from '../../ui/settled.ts';
import { EmptyState } from '../../ui/states.tsx';
import { Time } from '../../ui/time.tsx';
import { otherZoneDate, zoneDate } from '../../ui/zone-dates.ts';
import { useCronWords } from '../workflow/schedule-words.tsx';
import { DeadlinesDialog } from './deadlines-dialog.tsx';
import { OnlineSwitch } from './online-switch.tsx';
import { ScheduleDialog } from './schedule-dialog.tsx';
import { ScheduleMenu, type ScheduleAction } from './schedule-menu.tsx';
import { TicksDialog } from './ticks-dialog.tsx';

const PAGE_SIZE = 100;
/** What changes is told; this is for when nobody tells. */
const EVERY_MS = 30_000;
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

type Asked = { action: ScheduleAction; schedule: ScheduleView } | { action: 'create' };

export function ScheduleList(): ReactNode {
  const { t } = useTranslation('schedules');
  const search = useSearch({ from: '/schedules' });
  const [asked, setAsked] = useState<Asked | null>(null);
  const { project } = search;
  const q = useSettled(search.q ?? '').trim();
  const online = search.online === 'true' ? true : search.online === 'false' ? false : undefined;
  useFreshLists('schedules', project);
  const list = usePaged(
    ['schedules', 'all', project ?? '', q, online ?? null],
    (cursor, signal) =>
      api.schedules.list(
        {
          limit: PAGE_SIZE,
          ...(project ? { project } : {}),
          ...(q === '' ? {} : { q }),
          ...(online === undefined ? {} : { online }),
          ...(cursor === undefined ? {} : { cursor }),
        },
        signal,
      ),
    EVERY_MS,
  );
  const mayCreate = useMayAnywhere('write');
  const create = mayCreate && (
    <Button kind="primary" onClick={() => setAsked({ action: 'create' })}>
      <Plus className="size-4" aria-hidden /> {t('create')}
    </Button>
  );
  const isFiltered = Boolean(project) || q !== '' || online !== undefined;
  const columns = useColumns((action, schedule) => setAsked({ action, schedule }));
  return (
    <>
      <div className="flex flex-wrap gap-2 max-md:*:grow">
        <Filters />
        <span className="grow max-md:hidden" />
        {create}
      </div>
      <PagedTable
        list={list}
        label={t('title')}
        columns={columns}
        keyOf={({ project: of, workflow, name }) => `${of}/${workflow}/${name}`}
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
      {asked && <AskedDialog asked={asked} onClose={() => setAsked(null)} />}
    </>
  );
}

function Filters(): ReactNode {
  const { t } = useTranslation('schedules');
  const search = useSearch({ from: '/schedules' });
  const navigate = useNavigate({ from: '/schedules' });
  const projects = useQuery({ queryKey: ['projects'], queryFn: ({ signal }) => api.projects.list(signal) });
  const change = (part: { project?: string; q?: string; online?: string }): void => {
    const next = Object.entries({ ...search, ...part }).filter(([, value]) => value);
    void navigate({ search: Object.fromEntries(next), replace: true });
  };
  return (
    <>
      <Input
        type="search"
        data-list-filter
        className="md:max-w-72"
        aria-label={t('filter')}
        placeholder={t('filter')}
        value={search.q ?? ''}
        onChange={(event) => change({ q: event.target.value })}
      />
      <Select
        className="max-md:basis-[45%] md:max-w-48"
        aria-label={t('project')}
        value={search.project ?? ''}
        onChange={(event) => change({ project: event.target.value })}
      >
        <option value="">{t('allProjects')}</option>
        {projects.data?.items.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </Select>
      <Select
        className="max-md:basis-[45%] md:max-w-48"
        aria-label={t('onlineFilter')}
        value={search.online ?? ''}
        onChange={(event) => change({ online: event.target.value })}
      >
        <option value="">{t('any')}</option>
        <option value="true">{t('online')}</option>
        <option value="false">{t('offline')}</option>
      </Select>
    </>
  );
}

function useColumns(ask: (action: ScheduleAction, schedule: ScheduleView) => void): Column<ScheduleView>[] {
  const { t } = useTranslation('schedules');
  return [
    { id: 'online', name: t('columns.online'), cell: (schedule) => <OnlineSwitch schedule={schedule} /> },
    {
      id: 'schedule',
      name: t('columns.schedule'),
      cell: ({ project, workflow, name, fromDefinition }) => (
        <div className="md:min-w-52">
          <Link
            to="/projects/$project/workflows/$workflow"
            params={{ project, workflow }}
            search={{ tab: 'schedule' }}
            className="hover:underline"
          >
            <span className="text-ink-2">{project} / </span>
            <span className="font-medium">{workflow}</span>
          </Link>
          <p className="text-xs text-ink-2">
            {name}
            {fromDefinition && ` · ${t('fromDefinition')}`}
          </p>
        </div>
      ),
    },
    { id: 'when', name: t('columns.when'), cell: (schedule) => <When schedule={schedule} /> },
    {
      id: 'next',
      name: t('columns.next'),
      cell: ({ nextFire, zone, online }) =>
        nextFire === null ? (
          <span className="text-ink-2">{online ? t('noNext') : t('offline')}</span>
        ) : (
          <NextFire fire={nextFire} zone={zone} />
        ),
    },
    {
      id: 'last',
      name: t('columns.last'),
      cell: ({ lastTickAt, lastRun }) => (
        <>
          {lastTickAt === null ? <span className="text-ink-2">{t('neverFired')}</span> : <Time at={lastTickAt} />}
          {lastRun !== null && (
            <>
              {' '}
              <Link
                to="/runs/$run"
                params={{ run: String(lastRun) }}
                className="text-accent tabular-nums hover:underline"
              >
                #{lastRun}
              </Link>
            </>
          )}
        </>
      ),
    },
    {
      id: 'actions',
      name: t('columns.actions'),
      actions: true,
      cell: (schedule) => <ScheduleMenu schedule={schedule} onAsk={(action) => ask(action, schedule)} />,
    },
  ];
}

function When({ schedule: { cron, zone, calendar } }: { schedule: ScheduleView }): ReactNode {
  const words = useCronWords(cron);
  return (
    <>
      {words}
      <p className="text-xs text-ink-2">
        <code>{cron}</code> · {zone}
        {calendar !== null && ` · ${calendar}`}
      </p>
    </>
  );
}

function NextFire({ fire, zone }: { fire: ScheduleFire; zone: string }): ReactNode {
  const { t } = useTranslation('schedules');
  const here = otherZoneDate(fire.dueAt, zone, HERE);
  return (
    <>
      <Time at={fire.dueAt} zone={zone} />
      <p className="text-xs text-ink-2">
        <span className="md:whitespace-nowrap">{zoneDate(fire.dueAt, zone)}</span>
        {here !== null && <span className="block">{t('here', { when: here })}</span>}
      </p>
    </>
  );
}

function AskedDialog({ asked, onClose }: { asked: Asked; onClose: () => void }): ReactNode {
  switch (asked.action) {
    case 'create':
      return <ScheduleDialog schedule={null} onClose={onClose} />;
    case 'edit':
      return <ScheduleDialog schedule={asked.schedule} onClose={onClose} />;
    case 'ticks':
      return <TicksDialog schedule={asked.schedule} onClose={onClose} />;
    case 'deadlines':
      return <DeadlinesDialog project={asked.schedule.project} workflow={asked.schedule.workflow} onClose={onClose} />;
    case 'remove':
      return <RemoveDialog schedule={asked.schedule} onClose={onClose} />;
  }
}

function RemoveDialog({
  schedule: { project, workflow, name, fromDefinition },
  onClose,
}: {
  schedule: ScheduleView;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('schedules');
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={t('removeTitle', { name: `${workflow} / ${name}` })}
      confirm={t('remove')}
      onConfirm={async () => {
        await api.schedules.delete(project, workflow, name);
        await queries.invalidateQueries({ queryKey: ['schedules'] });
      }}
    >
      <p>{t('removeText')}</p>
      {fromDefinition && <p className="mt-2 text-warn">{t('removeDefinition')}</p>}
    </ConfirmDialog>
  );
}
