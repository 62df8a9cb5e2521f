/**
 * A run as it happens: one event stream per run that is looked at, whoever looks. Owns what was heard; changes are told once per painted frame, however many came, so that a thousand
 * live tasks cost one rendering. Components take the run or the list of its tasks; a task that did not change is the same object.
 */
import type { RunEvent, RunView, TaskView } from '@pelorus/protocol';
import { ApiError } from '@pelorus/sdk';
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { api } from './client.ts';

export interface RunPicture {
  run: RunView | null;
  /** In the order of the definition; a task that did not change is the same object as before. */
  tasks: readonly TaskView[];
  /** `live`: whatever happens is told; `ended`: nothing more will. */
  connection: 'connecting' | 'live' | 'interrupted' | 'ended';
  /** Why there is nothing to be seen. */
  error: Error | null;
}

const NOTHING: RunPicture = { run: null, tasks: [], connection: 'connecting', error: null };
/** A page that is left and opened again within this time goes on with the same stream. */
const LINGER_MS = 3000;
const HIDDEN_MS = 1000;

class RunFollower {
  picture: RunPicture = NOTHING;
  private readonly id: number;
  private readonly listeners = new Set<() => void>();
  private next: RunPicture = NOTHING;
  /** Copied when first changed in a frame. */
  private tasks: TaskView[] | null = null;
  private parts: TaskView[] = [];
  /** Takes back what will tell of the changes; null: nothing is to be told. */
  private untell: (() => void) | null = null;
  private stop: AbortController | null = null;
  private lingering: ReturnType<typeof setTimeout> | undefined;

  constructor(id: number) {
    this.id = id;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    clearTimeout(this.lingering);
    if (this.stop === null) void this.follow();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.lingering = setTimeout(() => this.end(), LINGER_MS);
    };
  };

  private end(): void {
    this.stop?.abort();
    this.stop = null;
    this.untell?.();
    this.untell = null;
    followers.delete(this.id);
  }

  private async follow(): Promise<void> {
    const stop = new AbortController();
    this.stop = stop;
    try {
      const events = api.watchRun(this.id, {
        signal: stop.signal,
        patienceMs: 24 * 3_600_000,
        onInterruption: () => this.change({ connection: 'interrupted' }),
      });
      for await (const event of events) this.hear(event);
      this.change({ connection: 'ended' });
    } catch (cause) {
      if (stop.signal.aborted) return;
      const error = cause instanceof Error ? cause : new Error(String(cause));
      this.change({ error, connection: 'interrupted' });
      if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) return;
      this.stop = null;
    }
  }

  private hear(event: RunEvent): void {
    switch (event.event) {
      case 'snapshot':
        if (event.data.part === 1) this.parts = [];
        this.parts.push(...event.data.tasks);
        if (!event.data.isLast) return;
        this.tasks = this.parts;
        this.parts = [];
        return this.change({ run: event.data.run, connection: 'live', error: null });
      case 'task':
        this.tasks ??= [...this.next.tasks];
        this.tasks[event.data.index] = event.data;
        return this.change({ connection: 'live' });
      case 'run':
        return this.change({ run: event.data, connection: 'live' });
      case 'end':
        return;
    }
  }

  private change(part: Partial<RunPicture>): void {
    this.next = { ...this.next, ...part };
    this.untell ??= soon(this.tell);
  }

  private readonly tell = (): void => {
    this.untell = null;
    if (this.tasks !== null) {
      this.next = { ...this.next, tasks: this.tasks };
      this.tasks = null;
    }
    this.picture = this.next;
    for (const listener of this.listeners) listener();
  };
}

/** With the next frame; hidden pages paint none, and are told all the same, but seldom. */
function soon(act: () => void): () => void {
  if (document.hidden) {
    const timer = setTimeout(act, HIDDEN_MS);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(act);
  return () => cancelAnimationFrame(frame);
}

const followers = new Map<number, RunFollower>();

function followerOf(id: number): RunFollower {
  const known = followers.get(id);
  if (known !== undefined) return known;
  const made = new RunFollower(id);
  followers.set(id, made);
  return made;
}

/** The run as it is now, live. */
export function useRunLive(id: number): RunPicture {
  const follower = useMemo(() => followerOf(id), [id]);
  return useSyncExternalStore(follower.subscribe, () => follower.picture);
}

/** Calls back for each run that is submitted or changes, while mounted; lists use it to ask again. At most one call in `everyMs`. */
export function useRunsFeed(
  query: { project?: string; workflow?: string },
  onChange: (runs: ReadonlyMap<number, RunView>) => void,
  everyMs = 1000,
): void {
  const { project, workflow } = query;
  useEffect(() => {
    const stop = new AbortController();
    let changed = new Map<number, RunView>();
    const timer = setInterval(() => {
      if (changed.size === 0) return;
      const told = changed;
      changed = new Map();
      onChange(told);
    }, everyMs);
    const follow = async (): Promise<void> => {
      const asked = { ...(project === undefined ? {} : { project }), ...(workflow === undefined ? {} : { workflow }) };
      for await (const event of api.watchRuns(asked, { signal: stop.signal, patienceMs: 24 * 3_600_000 }))
        if (event.event === 'run') changed.set(event.data.id, event.data);
    };
    // Without a stream a list is as fresh as it was when it was asked for, and says so by its age.
    follow().catch(() => undefined);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [project, workflow, onChange, everyMs]);
}
