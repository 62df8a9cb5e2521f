/** The last runs of a workflow in a row: how long each took by its height, how it went by colour, shape and text. One stop of the tab key; arrows move. */
import type { LastRunView } from '@pelorus/protocol';
import { useNavigate } from '@tanstack/react-router';
import clsx from 'clsx';
import type { KeyboardEvent, MouseEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { STATE_LOOK, type Tone } from '../../ui/state-badge.tsx';
import { relativeTime, span } from '../../ui/time.tsx';

const FILL: Record<Tone, string> = {
  ok: 'bg-ok',
  run: 'bg-run animate-pulse',
  bad: 'bg-bad',
  warn: 'bg-warn',
  idle: 'bg-idle',
  hold: 'bg-hold',
};
const INK: Record<Tone, string> = {
  ok: 'text-ok',
  run: 'text-run',
  bad: 'text-bad',
  warn: 'text-warn',
  idle: 'text-idle',
  hold: 'text-hold',
};
/** Of four, for a whole height. */
const HEIGHTS = ['h-1', 'h-2', 'h-3', 'h-4'];

export function RunBars({ workflow, runs }: { workflow: string; runs: readonly LastRunView[] }): ReactNode {
  const { t } = useTranslation('workflows');
  const navigate = useNavigate();
  if (runs.length === 0) return <span className="text-xs text-ink-3">{t('neverRun')}</span>;
  // One for all of them: a screen of workflows has hundreds of bars.
  const open = (event: MouseEvent): void => {
    const run = (event.target as Element).closest<HTMLElement>('[data-run]')?.dataset['run'];
    if (run === undefined || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    event.preventDefault();
    void navigate({ to: '/runs/$run', params: { run } });
  };
  const now = Date.now();
  const shown = runs.toReversed();
  const longest = Math.max(1, ...shown.map((run) => durationOf(run, now) ?? 0));
  return (
    <div
      role="group"
      aria-label={t('runBars', { workflow })}
      className="flex items-end"
      onKeyDown={moveFocus}
      onClick={open}
    >
      {shown.map((run, index) => (
        <Bar key={run.id} run={run} longestMs={longest} now={now} tabIndex={index === shown.length - 1 ? 0 : -1} />
      ))}
    </div>
  );
}

function Bar({
  run,
  longestMs,
  now,
  tabIndex,
}: {
  run: LastRunView;
  longestMs: number;
  now: number;
  tabIndex: number;
}): ReactNode {
  const { t } = useTranslation('workflows');
  const { t: common } = useTranslation();
  const { tone, icon: Icon } = STATE_LOOK[run.state];
  const durationMs = durationOf(run, now);
  const text = t('runOf', {
    run: run.id,
    state: common(`state.${run.state}`),
    when: relativeTime(Date.parse(run.startedAt ?? run.submittedAt), now),
    span: durationMs === null ? '' : ` · ${span(durationMs)}`,
  });
  return (
    <a
      href={`/runs/${run.id}`}
      data-run={run.id}
      tabIndex={tabIndex}
      aria-label={text}
      title={text}
      className="grid justify-items-center gap-0.5 rounded px-px hover:bg-surface-3"
    >
      <span className="flex h-4 items-end">
        <span
          className={clsx('w-2 rounded-t-[2px]', FILL[tone], HEIGHTS[heightOf(durationMs, longestMs)])}
          aria-hidden
        />
      </span>
      <Icon className={clsx('size-3', INK[tone])} aria-hidden />
    </a>
  );
}

function durationOf({ startedAt, endedAt }: LastRunView, now: number): number | null {
  if (startedAt === null) return null;
  return (endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt);
}

function heightOf(durationMs: number | null, longestMs: number): number {
  if (durationMs === null) return 0;
  return Math.min(HEIGHTS.length - 1, Math.floor((durationMs / longestMs) * HEIGHTS.length));
}

function moveFocus(event: KeyboardEvent<HTMLDivElement>): void {
  const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return;
  const links = [...event.currentTarget.querySelectorAll('a')];
  const next = links[links.indexOf(document.activeElement as HTMLAnchorElement) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
