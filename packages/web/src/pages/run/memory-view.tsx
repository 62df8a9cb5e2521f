/** The run as its master has it in memory beside the run as it is stored; what differs is marked. */
import { isTerminalRun, type LiveView, type RunView, type TaskView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { Database, MemoryStick, RefreshCw } from 'lucide-react';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Checkbox } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';

const AGAIN_MS = 2000;
const ROWS_SHOWN = 500;

interface Both {
  memory: LiveView;
  run: RunView;
  tasks: readonly TaskView[];
}

export function MemoryView({ run }: { run: RunView }): ReactNode {
  const { t } = useTranslation('run');
  const [onlyDifferent, setOnlyDifferent] = useState(false);
  const both = useQuery({
    queryKey: ['memory', run.id],
    queryFn: async ({ signal }): Promise<Both> => {
      const [memory, stored, { items }] = await Promise.all([
        api.runs.live(run.id, signal),
        api.runs.get(run.id, signal),
        api.runs.tasks(run.id, {}, signal),
      ]);
      return { memory, run: stored, tasks: items };
    },
    refetchInterval: isTerminalRun(run.state) ? false : AGAIN_MS,
  });
  if (both.isPending)
    return (
      <div className="p-4">
        <Spinner />
      </div>
    );
  if (both.error) return <ErrorState error={both.error} onRetry={() => void both.refetch()} />;
  const { memory } = both.data;
  return (
    <div className="h-full overflow-auto p-4" tabIndex={0} role="region" aria-label={t('memory.title')}>
      <div className="grid gap-3">
        <div className="flex flex-wrap items-center gap-3">
          <p className="grow">{memory.source === 'memory' ? t('memory.fromMemory') : t('memory.fromStore')}</p>
          <Checkbox
            label={t('memory.onlyDifferent')}
            checked={onlyDifferent}
            onChange={(event) => setOnlyDifferent(event.target.checked)}
          />
          <Button size="small" busy={both.isFetching} onClick={() => void both.refetch()}>
            <RefreshCw className="size-3.5" aria-hidden /> {t('memory.again')}
          </Button>
        </div>
        <Sources {...both.data} />
        <Differences {...both.data} onlyDifferent={onlyDifferent} />
      </div>
    </div>
  );
}

function Sources({ memory, run }: Both): ReactNode {
  const { t } = useTranslation('run');
  const isBehind = memory.memoryVersion !== null && memory.memoryVersion !== memory.storeVersion;
  return (
    <div className="grid gap-3 md:grid-cols-2">
      <section className="rounded-md border border-line p-3">
        <h2 className="mb-1 flex items-center gap-2 font-semibold">
          <MemoryStick className="size-4" aria-hidden /> {t('memory.memory')}
        </h2>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 text-xs">
          <dt className="text-ink-2">{t('memory.master')}</dt>
          <dd className="font-mono break-all">{memory.master?.id ?? '–'}</dd>
          <dt className="text-ink-2">{t('memory.epoch')}</dt>
          <dd className="font-mono break-all">{memory.master?.epoch ?? '–'}</dd>
          <dt className="text-ink-2">{t('memory.version')}</dt>
          <dd className="font-mono">{memory.memoryVersion ?? '–'}</dd>
        </dl>
      </section>
      <section className="rounded-md border border-line p-3">
        <h2 className="mb-1 flex items-center gap-2 font-semibold">
          <Database className="size-4" aria-hidden /> {t('memory.store')}
        </h2>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-0.5 text-xs">
          <dt className="text-ink-2">{t('memory.owner')}</dt>
          <dd className="font-mono break-all">{run.owner ?? '–'}</dd>
          <dt className="text-ink-2">{t('memory.version')}</dt>
          <dd className="font-mono">
            {memory.storeVersion}
            {isBehind && (
              <b className="ms-2 rounded bg-warn-soft px-1.5 text-warn">
                {t('memory.behind', { count: Math.abs(memory.memoryVersion! - memory.storeVersion) })}
              </b>
            )}
          </dd>
        </dl>
      </section>
    </div>
  );
}

interface Pair {
  name: string;
  memory: RunView | TaskView;
  store: RunView | TaskView;
  differs: boolean;
}

function Differences({ memory, run, tasks, onlyDifferent }: Both & { onlyDifferent: boolean }): ReactNode {
  const { t } = useTranslation('run');
  const pairs = useMemo(() => {
    const stored = new Map(tasks.map((task) => [task.name, task]));
    const all: Pair[] = [
      { name: t('memory.run'), memory: memory.run, store: run, differs: memory.run.state !== run.state },
    ];
    for (const task of memory.tasks) {
      const store = stored.get(task.name);
      if (store) all.push({ name: task.name, memory: task, store, differs: isDifferent(task, store) });
    }
    return all;
  }, [memory, run, tasks, t]);
  const differing = pairs.filter(({ differs }) => differs).length;
  const rows = onlyDifferent ? pairs.filter(({ differs }) => differs) : pairs;
  return (
    <>
      <p role="status" className={differing === 0 ? 'text-ok' : 'text-warn'}>
        {differing === 0 ? t('memory.same') : t('memory.differ', { count: differing })}
      </p>
      {rows.length === 0 ? (
        <EmptyState title={t('memory.nothingDiffers')} />
      ) : (
        <table className="w-full border-collapse text-sm">
          <thead className="text-xs text-ink-2">
            <tr>
              <th className="px-2 py-1 text-start font-medium">{t('table.task')}</th>
              <th className="px-2 py-1 text-start font-medium">{t('memory.memory')}</th>
              <th className="px-2 py-1 text-start font-medium">{t('memory.store')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, ROWS_SHOWN).map((pair) => (
              <tr
                key={pair.name}
                className={pair.differs ? 'border-t border-line bg-warn-soft' : 'border-t border-line'}
              >
                <td className="px-2 py-1 font-mono text-xs break-all">
                  {pair.name}
                  {pair.differs && (
                    <span className="ms-2 font-sans font-medium text-warn">≠ {t('memory.different')}</span>
                  )}
                </td>
                <td className="px-2 py-1">
                  <Side of={pair.memory} />
                </td>
                <td className="px-2 py-1">
                  <Side of={pair.store} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.length > ROWS_SHOWN && (
        <p className="text-ink-2">{t('memory.more', { count: rows.length - ROWS_SHOWN })}</p>
      )}
    </>
  );
}

function Side({ of }: { of: RunView | TaskView }): ReactNode {
  const { t } = useTranslation('run');
  return (
    <span className="inline-flex flex-wrap items-center gap-2">
      <StateBadge state={of.state} />
      {'attempts' in of && of.attempts.length > 0 && (
        <span className="text-xs text-ink-2">
          {t('memory.attempts', { count: of.attempts.length })} · {of.attempts.at(-1)!.worker}
        </span>
      )}
    </span>
  );
}

/** In what a decision depends on. */
function isDifferent(a: TaskView, b: TaskView): boolean {
  const [last, other] = [a.attempts.at(-1), b.attempts.at(-1)];
  return (
    a.state !== b.state ||
    a.attempts.length !== b.attempts.length ||
    a.retries !== b.retries ||
    last?.state !== other?.state ||
    last?.worker !== other?.worker
  );
}
