/** All runs that may be seen: filtered in the address, live, and handled many at once. */
import './texts.ts';
import type { BulkActionName } from '@pelorus/protocol';
import { Link, useSearch } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Checkbox } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { BulkBar } from './bulk-bar.tsx';
import { BulkDialog, type BulkAbout } from './bulk-dialog.tsx';
import { FilterBar } from './filter-bar.tsx';
import { RunRows } from './run-rows.tsx';
import { useChosenRuns, type ChosenRuns } from './use-chosen.ts';
import { useRuns, type Runs } from './use-runs.ts';

export function RunsPage(): ReactNode {
  const { t } = useTranslation('runs');
  const runs = useRuns(useSearch({ from: '/runs' }));
  const chosen = useChosenRuns(runs.selection);
  const [bulk, setBulk] = useState<{ action: BulkActionName; about: BulkAbout } | null>(null);
  const { ids, everything, clear } = chosen;
  const about: BulkAbout | null = everything ? { filter: runs.selection } : ids.size > 0 ? { ids: [...ids] } : null;
  return (
    <Page title={t('title')}>
      <FilterBar />
      <Choices runs={runs} chosen={chosen} />
      <List runs={runs} chosen={chosen} />
      {about && (
        <BulkBar
          text={everything ? t('matching') : t('selected', { count: ids.size })}
          onAction={(action) => setBulk({ action, about })}
          onClear={clear}
        />
      )}
      {bulk && (
        <BulkDialog
          action={bulk.action}
          about={bulk.about}
          onClose={(isDone) => {
            setBulk(null);
            if (!isDone) return;
            clear();
            void runs.list.refetch();
          }}
        />
      )}
    </Page>
  );
}

interface Parts {
  runs: Runs;
  chosen: ChosenRuns;
}

/** Above the list: choosing all of it, and what is new. */
function Choices({ runs: { items, selection, freshCount, showFresh }, chosen }: Parts): ReactNode {
  const { t } = useTranslation('runs');
  const { ids, everything } = chosen;
  return (
    <div className="flex min-h-9 flex-wrap items-center gap-x-4 gap-y-1">
      {items.length > 0 && (
        <>
          <Checkbox
            label={t('selectAll')}
            checked={!everything && ids.size > 0 && items.every(({ id }) => ids.has(id))}
            onChange={(event) => chosen.chooseOnly(event.target.checked ? items.map(({ id }) => id) : [])}
          />
          {isFiltered(selection) && (
            <Checkbox
              label={t('allMatching')}
              checked={everything}
              onChange={(event) => chosen.chooseEverything(event.target.checked)}
            />
          )}
        </>
      )}
      {freshCount > 0 && (
        <Button size="small" kind="primary" className="ms-auto" onClick={showFresh}>
          {t('fresh', { count: freshCount })}
        </Button>
      )}
    </div>
  );
}

function List({ runs: { list, items, selection }, chosen }: Parts): ReactNode {
  if (list.isPending) return <Spinner />;
  if (list.error !== null && list.data === undefined)
    return <ErrorState error={list.error} onRetry={() => void list.refetch()} />;
  if (items.length === 0) return <NoRuns isFiltered={isFiltered(selection)} />;
  return (
    <RunRows
      items={items}
      chosen={chosen.everything ? new Set(items.map(({ id }) => id)) : chosen.ids}
      onChoose={chosen.choose}
      more={list.hasNextPage ? { load: () => void list.fetchNextPage(), busy: list.isFetchingNextPage } : null}
    />
  );
}

function NoRuns({ isFiltered }: { isFiltered: boolean }): ReactNode {
  const { t } = useTranslation('runs');
  return (
    <EmptyState
      title={isFiltered ? t('nothing') : t('empty')}
      action={
        <Link to="/workflows" className={buttonClass('primary')}>
          {t('openWorkflows')}
        </Link>
      }
    >
      {!isFiltered && t('emptyHint')}
    </EmptyState>
  );
}

function isFiltered(selection: Runs['selection']): boolean {
  return Object.keys(selection).length > 0;
}
