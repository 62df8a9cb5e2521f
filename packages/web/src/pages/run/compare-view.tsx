/** This run beside another of the same workflow: what became of each task, and how long it took. */
import { parseRunId, type RunView, type TaskView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import clsx from 'clsx';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Checkbox, Field, Input, Select } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { StateBadge } from '../../ui/state-badge.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';
import { absoluteTime, relativeTime, span } from '../../ui/time.tsx';
import { RunLink } from './head.tsx';
import { tookMs } from './task-order.ts';

const ROWS_SHOWN = 1000;
/** A share of the time that counts as a difference, when it is at least that long. */
const NOTABLE_SHARE = 0.2;
const NOTABLE_MS = 1000;

export function CompareView({
  run,
  tasks,
  other,
  onOther,
  onSelect,
}: {
  run: RunView;
  tasks: readonly TaskView[];
  other: number | null;
  onOther: (run: number | null) => void;
  onSelect: (task: string) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  return (
    <div className="h-full overflow-auto p-4" tabIndex={0} role="region" aria-label={t('compare.title')}>
      <Choice run={run} other={other} onOther={onOther} />
      {other === null ? (
        <EmptyState title={t('compare.choose')}>{t('compare.chooseHint')}</EmptyState>
      ) : (
        <Compared run={run} tasks={tasks} other={other} onSelect={onSelect} />
      )}
    </div>
  );
}

function Choice({
  run,
  other,
  onOther,
}: {
  run: RunView;
  other: number | null;
  onOther: (run: number | null) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const [typed, setTyped] = useState('');
  const recent = useQuery({
    queryKey: ['compare-choices', run.project, run.workflow],
    queryFn: ({ signal }) => api.runs.list({ project: run.project, workflow: run.workflow, limit: 20 }, signal),
  });
  const choices = (recent.data?.items ?? []).filter(({ id }) => id !== run.id);
  const isListed = choices.some(({ id }) => id === other);
  const [now] = useState(Date.now);
  return (
    <form
      className="mb-4 flex flex-wrap items-end gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        const id = parseRunId(typed.replace(/^#/, ''));
        if (id !== null) onOther(id);
      }}
    >
      <Field label={t('compare.with')} className="min-w-56 grow md:max-w-md">
        <Select
          value={other ?? ''}
          onChange={(event) => onOther(event.target.value === '' ? null : Number(event.target.value))}
        >
          <option value="">{t('compare.none')}</option>
          {other !== null && !isListed && <option value={other}>#{other}</option>}
          {choices.map(({ id, state, submittedAt }) => (
            <option key={id} value={id}>
              #{id} · {common(`state.${state}`)} · {relativeTime(Date.parse(submittedAt), now)}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t('compare.number')} className="w-32">
        <Input inputMode="numeric" value={typed} onChange={(event) => setTyped(event.target.value)} placeholder="#" />
      </Field>
      <Button type="submit" disabled={parseRunId(typed.replace(/^#/, '')) === null}>
        {t('compare.compare')}
      </Button>
    </form>
  );
}

interface Pair {
  name: string;
  mine: TaskView | null;
  theirs: TaskView | null;
}

function Compared({
  run,
  tasks,
  other,
  onSelect,
}: {
  run: RunView;
  tasks: readonly TaskView[];
  other: number;
  onSelect: (task: string) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const [onlyDifferent, setOnlyDifferent] = useState(false);
  const found = useQuery({
    queryKey: ['compare', other],
    queryFn: async ({ signal }) => ({
      run: await api.runs.get(other, signal),
      tasks: (await api.runs.tasks(other, {}, signal)).items,
    }),
  });
  const theirTasks = found.data?.tasks;
  const pairs = useMemo(() => paired(tasks, theirTasks ?? []), [tasks, theirTasks]);
  const longest = useMemo(
    () => Math.max(1, ...pairs.flatMap(({ mine, theirs }) => [durationOf(mine) ?? 0, durationOf(theirs) ?? 0])),
    [pairs],
  );
  if (found.isPending) return <Spinner />;
  if (found.error) return <ErrorState error={found.error} onRetry={() => void found.refetch()} />;
  const rows = onlyDifferent ? pairs.filter(isNotable) : pairs;
  return (
    <div className="grid gap-3">
      <div className="grid gap-3 md:grid-cols-2">
        <Side run={run} />
        <Side run={found.data.run} />
      </div>
      <Checkbox
        label={t('compare.onlyDifferent')}
        checked={onlyDifferent}
        onChange={(event) => setOnlyDifferent(event.target.checked)}
      />
      {rows.length === 0 ? (
        <EmptyState title={t('compare.same')} />
      ) : (
        <div className="overflow-x-auto">
          <table className="w-full min-w-160 border-collapse text-sm">
            <thead className="text-xs text-ink-2">
              <tr>
                <th className="px-2 py-1 text-start font-medium">{t('table.task')}</th>
                <th className="px-2 py-1 text-start font-medium">#{run.id}</th>
                <th className="px-2 py-1 text-start font-medium">#{other}</th>
                <th className="px-2 py-1 text-end font-medium">{t('compare.difference')}</th>
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, ROWS_SHOWN).map((pair) => (
                <tr key={pair.name} className="border-t border-line">
                  <td className="max-w-56 px-2 py-1">
                    <button
                      type="button"
                      disabled={pair.mine === null}
                      onClick={() => onSelect(pair.name)}
                      className="block max-w-full truncate font-mono text-xs text-accent enabled:hover:underline disabled:text-ink-2"
                    >
                      {pair.name}
                    </button>
                  </td>
                  <td className="px-2 py-1">
                    <Cell task={pair.mine} longest={longest} />
                  </td>
                  <td className="px-2 py-1">
                    <Cell task={pair.theirs} longest={longest} />
                  </td>
                  <td className="px-2 py-1 text-end text-xs whitespace-nowrap tabular-nums">
                    <Difference pair={pair} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > ROWS_SHOWN && (
        <p className="text-ink-2">{t('memory.more', { count: rows.length - ROWS_SHOWN })}</p>
      )}
    </div>
  );
}

function Side({ run }: { run: RunView }): ReactNode {
  const { t } = useTranslation('run');
  return (
    <section className="rounded-md border border-line p-3 text-sm">
      <h2 className="flex items-center gap-2 font-semibold">
        <RunLink id={run.id} /> <StateBadge state={run.state} />
      </h2>
      <p className="mt-1 text-xs text-ink-2">
        {t('head.logicalDate')} {absoluteTime(run.logicalDate, run.zone)} · {t('head.version')} {run.version}
        {run.durationMs !== null && ` · ${t('head.took')} ${span(run.durationMs)}`}
      </p>
    </section>
  );
}

function Cell({ task, longest }: { task: TaskView | null; longest: number }): ReactNode {
  const { t } = useTranslation('run');
  if (task === null) return <span className="text-xs text-ink-3">{t('compare.absent')}</span>;
  const took = durationOf(task);
  return (
    <span className="grid grid-cols-[auto_1fr] items-center gap-x-2">
      <StateBadge state={task.state} />
      <span className="text-xs text-ink-2 tabular-nums">
        {took !== null && span(took)}
        {task.attempts.length > 1 && ` ×${task.attempts.length}`}
      </span>
      {took !== null && (
        <span className="col-span-2 mt-0.5 h-1 rounded-full bg-surface-3" aria-hidden>
          <span className="block h-1 rounded-full bg-run" style={{ width: `${(took / longest) * 100}%` }} />
        </span>
      )}
    </span>
  );
}

function Difference({ pair: { mine, theirs } }: { pair: Pair }): ReactNode {
  const [a, b] = [durationOf(mine), durationOf(theirs)];
  if (a === null || b === null) return '–';
  const by = a - b;
  const isNotableTime = Math.abs(by) >= NOTABLE_MS && Math.abs(by) > b * NOTABLE_SHARE;
  return (
    <span className={clsx(isNotableTime && (by > 0 ? 'font-semibold text-bad' : 'font-semibold text-ok'))}>
      {by > 0 ? '+' : by < 0 ? '−' : ''}
      {span(Math.abs(by))}
    </span>
  );
}

function durationOf(task: TaskView | null): number | null {
  return task === null ? null : tookMs(task, Date.now());
}

function isNotable({ mine, theirs }: Pair): boolean {
  if (mine === null || theirs === null || mine.state !== theirs.state) return true;
  if (mine.attempts.length !== theirs.attempts.length) return true;
  const [a, b] = [durationOf(mine) ?? 0, durationOf(theirs) ?? 0];
  return Math.abs(a - b) >= NOTABLE_MS && Math.abs(a - b) > b * NOTABLE_SHARE;
}

function paired(mine: readonly TaskView[], theirs: readonly TaskView[]): Pair[] {
  const others = new Map(theirs.map((task) => [task.name, task]));
  const names = new Set(mine.map(({ name }) => name));
  return [
    ...mine.map((task) => ({ name: task.name, mine: task, theirs: others.get(task.name) ?? null })),
    ...theirs.filter(({ name }) => !names.has(name)).map((task) => ({ name: task.name, mine: null, theirs: task })),
  ];
}
