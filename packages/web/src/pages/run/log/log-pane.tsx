/** The log of one attempt: opens at its end, follows what is written, goes back as far as there is something; searches the whole of it on the server. */
import { API_BASE, LOGIC_TYPES, type AttemptView, type TaskView } from '@pelorus/protocol';
import { ArrowDownToLine, ArrowUpToLine, Copy, Download, Search, WrapText, X } from 'lucide-react';
import { useDeferredValue, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from 'react';
import type { TFunction } from 'i18next';
import { useTranslation } from 'react-i18next';
import { locale } from '../../../i18n/index.ts';
import { IconButton } from '../../../ui/button.tsx';
import { Spinner } from '../../../ui/spinner.tsx';
import { EmptyState, ProblemText } from '../../../ui/states.tsx';
import { toast, toastProblem } from '../../../ui/toast.tsx';
import { plainText } from './ansi.ts';
import { LogLines } from './log-lines.tsx';
import { LogSearch } from './log-search.tsx';
import { LogWindow, type LogView } from './log-window.ts';

export interface LogPaneProps {
  task: TaskView;
  attempt: AttemptView | null;
  onAttempt: (n: number) => void;
  query: string;
  onQuery: (query: string) => void;
}

export function LogPane(props: LogPaneProps): ReactNode {
  const { t } = useTranslation('run');
  const { task, attempt } = props;
  const isLogic = LOGIC_TYPES.has(task.type);
  if (attempt === null || isLogic)
    return (
      <EmptyState title={t('log.none', { task: task.name })}>
        {task.plan !== 'run' ? t(`log.not_${task.plan}`) : isLogic ? t('log.logic') : t('log.noneYet')}
      </EmptyState>
    );
  return <AttemptLog key={attempt.id} {...props} attempt={attempt} />;
}

const isEnded = ({ endedAt }: AttemptView): boolean => endedAt !== null;

function AttemptLog({ task, attempt, onAttempt, query, onQuery }: LogPaneProps & { attempt: AttemptView }): ReactNode {
  const { t } = useTranslation('run');
  const log = useMemo(() => new LogWindow(attempt.id), [attempt.id]);
  const view = useSyncExternalStore(log.subscribe, () => log.view);
  const [wrap, setWrap] = useState(true);
  const [stick, setStick] = useState(true);
  const asked = useDeferredValue(query);

  const toEnd = (): void => {
    setStick(true);
    if (!view.isToEnd || view.status === 'browsing') void log.toEnd();
  };
  const toStart = (): void => {
    setStick(false);
    void log.toStart();
  };
  const jump = (offset: number): void => {
    setStick(false);
    onQuery('');
    void log.browse(offset);
  };
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-center gap-1 border-b border-line bg-surface-2 px-2 py-1">
        <h2 className="sr-only">{t('log.title')}</h2>
        <span className="max-w-48 truncate ps-1 font-mono text-xs font-semibold" title={task.name}>
          {task.name}
        </span>
        <AttemptChoice task={task} attempt={attempt} onAttempt={onAttempt} />
        <LogState view={view} isLive={!isEnded(attempt)} />
        <span className="grow" />
        <SearchBox query={query} onQuery={onQuery} />
        <IconButton
          size="small"
          label={t('log.wrap')}
          aria-pressed={wrap}
          className="aria-pressed:bg-accent-soft aria-pressed:text-accent"
          onClick={() => setWrap(!wrap)}
        >
          <WrapText className="size-4" aria-hidden />
        </IconButton>
        <IconButton size="small" label={t('log.toStart')} onClick={toStart}>
          <ArrowUpToLine className="size-4" aria-hidden />
        </IconButton>
        <IconButton
          size="small"
          label={isEnded(attempt) ? t('log.toEnd') : t('log.follow')}
          aria-pressed={stick && view.isToEnd}
          className="aria-pressed:bg-accent-soft aria-pressed:text-accent"
          onClick={toEnd}
        >
          <ArrowDownToLine className="size-4" aria-hidden />
        </IconButton>
        <IconButton size="small" label={t('log.copy')} onClick={() => void copy(view, t)}>
          <Copy className="size-4" aria-hidden />
        </IconButton>
        <a
          href={`${API_BASE}/attempts/${encodeURIComponent(attempt.id)}/logs/download`}
          download={`${attempt.id}.log`}
          className="inline-flex min-h-7 items-center rounded-md px-2 hover:bg-surface-3"
          aria-label={t('log.download')}
          title={t('log.download')}
        >
          <Download className="size-4" aria-hidden />
        </a>
      </div>
      <div className="min-h-0 grow">
        {asked !== '' ? (
          <LogSearch attempt={attempt.id} query={asked} wrap={wrap} isLive={!isEnded(attempt)} onJump={jump} />
        ) : (
          <Lines
            view={view}
            log={log}
            wrap={wrap}
            stick={stick}
            onStick={setStick}
            label={t('log.of', { task: task.name })}
          />
        )}
      </div>
    </div>
  );
}

function Lines({
  view,
  log,
  ...rest
}: {
  view: LogView;
  log: LogWindow;
  wrap: boolean;
  stick: boolean;
  onStick: (stick: boolean) => void;
  label: string;
}): ReactNode {
  const { t } = useTranslation('run');
  if (view.error)
    return (
      <div className="p-3">
        <ProblemText error={view.error} />
      </div>
    );
  if (view.lines.length === 0) {
    if (view.status === 'loading' || view.isReading)
      return (
        <div className="p-3">
          <Spinner />
        </div>
      );
    return <EmptyState title={view.status === 'ended' ? t('log.empty') : t('log.nothingYet')} />;
  }
  const noted = view.note !== null && view.isToEnd ? [...view.lines, noteLine(view)] : view.lines;
  return (
    <LogLines
      key={view.generation}
      lines={noted}
      target={view.target}
      onNearStart={() => void log.before()}
      onNearEnd={() => void log.after()}
      {...rest}
      stick={rest.stick && view.isToEnd}
    />
  );
}

function noteLine({ lines, note }: LogView) {
  const text = note?.startsWith('---') === true ? note : `--- missing: ${note ?? ''} ---`;
  return { key: (lines.at(-1)?.key ?? 0) + 1, text };
}

function AttemptChoice({
  task,
  attempt,
  onAttempt,
}: {
  task: TaskView;
  attempt: AttemptView;
  onAttempt: (n: number) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  return (
    <select
      aria-label={t('log.attempt')}
      value={attempt.n}
      onChange={(event) => onAttempt(Number(event.target.value))}
      className="min-h-7 max-w-48 rounded border border-line bg-surface px-1 text-xs"
    >
      {task.attempts.map(({ n, state }) => (
        <option key={n} value={n}>
          {t('log.attemptN', { n, count: task.attempts.length })} · {common(`state.${state}`)}
        </option>
      ))}
    </select>
  );
}

function LogState({ view, isLive }: { view: LogView; isLive: boolean }): ReactNode {
  const { t } = useTranslation('run');
  const { t: common } = useTranslation();
  const size = bytesText(view.sizeBytes);
  return (
    <span role="status" className="px-1 text-xs text-ink-2">
      {view.status === 'interrupted' && <span className="text-warn">{common('live.off')} · </span>}
      {isLive && view.status === 'following' && <span className="text-run">● {common('live.on')} · </span>}
      {view.status === 'browsing' && !view.isToEnd && <span>{t('log.browsing')} · </span>}
      {size}
    </span>
  );
}

function SearchBox({ query, onQuery }: { query: string; onQuery: (query: string) => void }): ReactNode {
  const { t } = useTranslation('run');
  const [text, setText] = useState(query);
  useEffect(() => setText(query), [query]);
  return (
    <form
      role="search"
      className="flex min-h-7 min-w-0 items-center gap-1 rounded border max-md:flex-1 max-md:basis-28 border-line-strong bg-surface px-1.5 focus-within:outline-2 focus-within:outline-focus"
      onSubmit={(event) => {
        event.preventDefault();
        onQuery(text.trim());
      }}
    >
      <Search className="size-3.5 shrink-0 text-ink-3" aria-hidden />
      <input
        aria-label={t('log.search')}
        placeholder={t('log.searchHint')}
        title={t('log.searchHelp')}
        value={text}
        onChange={(event) => setText(event.target.value)}
        className="w-full min-w-0 bg-transparent text-xs outline-none placeholder:text-ink-3 md:w-44"
      />
      {(query !== '' || text !== '') && (
        <button
          type="button"
          aria-label={t('log.searchClear')}
          className="rounded p-0.5 hover:bg-surface-3"
          onClick={() => {
            setText('');
            onQuery('');
          }}
        >
          <X className="size-3.5" aria-hidden />
        </button>
      )}
    </form>
  );
}

async function copy({ lines }: LogView, t: TFunction<'run'>): Promise<void> {
  try {
    await navigator.clipboard.writeText(lines.map(({ text }) => plainText(text)).join('\n'));
    toast({ title: t('log.copied', { count: lines.length }) });
  } catch (error) {
    toastProblem(t('log.notCopied'), error);
  }
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1.2 GB`, in thousands. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toLocaleString(locale(), { maximumFractionDigits: digits })} ${UNITS[unit]}`;
}
