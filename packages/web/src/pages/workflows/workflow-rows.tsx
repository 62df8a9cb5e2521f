/** The workflows in rows: what they are called, how they went lately, and the way to run or edit them. */
import type { WorkflowListItem } from '@pelorus/protocol';
import { Link } from '@tanstack/react-router';
import { Pencil, Play } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/session.tsx';
import { Button, buttonClass } from '../../ui/button.tsx';
import type { PagedList } from '../../ui/paged.tsx';
import { ScrolledRows } from '../../ui/scrolled-rows.tsx';
import { Time } from '../../ui/time.tsx';
import { RunBars } from './run-bars.tsx';

const COLUMNS = 'grid grid-cols-[minmax(0,1fr)_auto] md:grid-cols-[minmax(0,1fr)_11rem_9rem_auto] gap-x-4';

export function WorkflowRows({
  items,
  more,
  onRun,
}: {
  items: readonly WorkflowListItem[];
  more: PagedList<WorkflowListItem>['more'];
  onRun: (workflow: WorkflowListItem) => void;
}): ReactNode {
  const { t } = useTranslation('workflows');
  return (
    <ScrolledRows
      label={t('title')}
      items={items}
      keyOf={({ project, name }) => `${project}/${name}`}
      more={more}
      rowHeight={55}
      columns={COLUMNS}
      head={
        <>
          <span role="columnheader">{t('name')}</span>
          <span role="columnheader" className="hidden md:block">
            {t('lastRuns')}
          </span>
          <span role="columnheader" className="hidden md:block">
            {t('updated')}
          </span>
          <span role="columnheader" className="text-end md:min-w-36">
            <span className="sr-only">{t('actions')}</span>
          </span>
        </>
      }
    >
      {(item) => <Row item={item} onRun={onRun} />}
    </ScrolledRows>
  );
}

/** Rendered again when its workflow changes, not when the list is measured or scrolled. */
const Row = memo(function Row({
  item,
  onRun,
}: {
  item: WorkflowListItem;
  onRun: (workflow: WorkflowListItem) => void;
}): ReactNode {
  const { t } = useTranslation('workflows');
  const may = useMay(item.project);
  const address = { project: item.project, workflow: item.name };
  return (
    <>
      <div role="cell" className="min-w-0">
        <div className="truncate">
          <span className="text-ink-2">{item.project} / </span>
          <Link
            to="/projects/$project/workflows/$workflow"
            params={address}
            className="font-medium text-accent hover:underline"
          >
            {item.name}
          </Link>
        </div>
        <div className="flex flex-wrap items-center gap-1">
          <Labels labels={item.labels} />
          {item.description && (
            <span className="max-w-full truncate text-xs text-ink-2" title={item.description}>
              {item.description}
            </span>
          )}
        </div>
      </div>
      <div role="cell" className="max-md:col-start-1 max-md:row-start-2 max-md:mt-1">
        <RunBars workflow={item.name} runs={item.lastRuns ?? []} />
      </div>
      <div role="cell" className="hidden text-xs text-ink-2 md:block">
        <Time at={item.updatedAt} />
        <div className="truncate" title={t('updatedBy', { version: item.version, user: item.updatedBy })}>
          {t('updatedBy', { version: item.version, user: item.updatedBy })}
        </div>
      </div>
      <div
        role="cell"
        className="flex justify-end gap-1 max-md:col-start-2 max-md:row-span-2 max-md:row-start-1 md:min-w-36"
      >
        {may.execute && (
          <Button size="small" aria-label={t('runNamed', { workflow: item.name })} onClick={() => onRun(item)}>
            <Play className="size-3.5" aria-hidden /> {t('run')}
          </Button>
        )}
        {may.write && (
          <Link
            to="/projects/$project/workflows/$workflow/edit"
            params={address}
            preload={false}
            aria-label={t('editNamed', { workflow: item.name })}
            className={`${buttonClass('quiet', 'small')} max-md:hidden`}
          >
            <Pencil className="size-3.5" aria-hidden /> {t('edit')}
          </Link>
        )}
      </div>
    </>
  );
});

/** Each shows the workflows that have it too. */
export function Labels({ labels }: { labels: Record<string, string> }): ReactNode {
  return Object.entries(labels).map(([name, value]) => {
    const text = value === '' ? name : `${name}=${value}`;
    return (
      <Link
        key={name}
        to="/workflows"
        search={{ label: text }}
        preload={false}
        className="max-w-48 truncate rounded-full border border-line bg-surface-2 px-2 text-xs text-ink-2 hover:border-line-strong"
      >
        {text}
      </Link>
    );
  });
}
