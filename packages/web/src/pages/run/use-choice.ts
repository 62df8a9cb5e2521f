/** What is chosen of a run, as it stands in the address. */
import type { RunView, TaskView } from '@pelorus/protocol';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState, type RefObject } from 'react';
import { withoutEmpty } from '../../app/search-params.ts';

export interface Choice {
  view?: string;
  task?: string;
  attempt?: string;
  q?: string;
  compare?: string;
  find?: string;
  state?: string;
  sort?: string;
}

export function useChoice(run: RunView, tasks: readonly TaskView[]) {
  const search: Choice = useSearch({ from: '/runs/$run' });
  const navigate = useNavigate();
  // Without a choice, what failed first is what one wants to read.
  const shownTask = search.task ?? run.firstFailure?.task ?? (tasks.length === 1 ? tasks[0]?.name : undefined);
  const task = tasks.find(({ name }) => name === shownTask) ?? null;
  const attempt = task?.attempts.find(({ n }) => String(n) === search.attempt) ?? task?.attempts.at(-1) ?? null;
  /** Empty texts take a choice back. */
  const choose = (next: Choice): void => {
    const kept = withoutEmpty({ ...search, ...next });
    void navigate({ to: '/runs/$run', params: { run: String(run.id) }, search: kept, replace: true });
  };
  const select = (name: string | null): void =>
    choose({ task: name ?? '', attempt: '', ...(name === search.task ? {} : { q: '' }) });
  return { search, choose, select, task, attempt };
}

/** Chooses a task and goes to its log. */
export function useWayToLog(
  chosen: string | undefined,
  select: (task: string) => void,
): { log: RefObject<HTMLElement | null>; showLog: (task: string) => void } {
  const log = useRef<HTMLElement>(null);
  // What is chosen may change the height of all above the log: it is gone to when that has happened.
  const wanted = useRef<string | null>(null);
  useEffect(() => {
    if (wanted.current === null || wanted.current !== chosen) return;
    wanted.current = null;
    log.current?.scrollIntoView({ block: 'start' });
    log.current?.focus({ preventScroll: true });
  });
  const [, again] = useState(0);
  const showLog = (task: string): void => {
    wanted.current = task;
    select(task);
    again((count) => count + 1);
  };
  return { log, showLog };
}
