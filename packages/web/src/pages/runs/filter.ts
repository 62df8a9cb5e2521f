/** What the address of the list of runs says, as the API asks for it. */
import { RUN_STATES, type RunSelection, type RunState } from '@pelorus/protocol';

export interface RunsSearch {
  project?: string;
  workflow?: string;
  /** States, with commas between. */
  state?: string;
  execType?: string;
  user?: string;
  /** Days, or RFC 3339. */
  since?: string;
  until?: string;
  label?: string;
  q?: string;
}

export const KINDS = ['DIRECT', 'SCHEDULER', 'COMPLEMENT_DATA'] as const;

export function statesOf(search: RunsSearch): RunState[] {
  const named = (search.state ?? '').split(',');
  return RUN_STATES.filter((state) => named.includes(state));
}

export function selectionOf(search: RunsSearch): RunSelection {
  const states = statesOf(search);
  const kind = KINDS.find((each) => each === search.execType);
  const since = instantOf(search.since);
  const until = instantOf(search.until);
  return {
    ...(search.project ? { project: search.project } : {}),
    ...(search.workflow ? { workflow: search.workflow } : {}),
    ...(states.length > 0 ? { state: states } : {}),
    ...(kind === undefined ? {} : { execType: kind }),
    ...(search.user ? { user: search.user } : {}),
    ...(since === null ? {} : { submittedAfter: since }),
    ...(until === null ? {} : { submittedBefore: until }),
    ...(search.label ? { label: search.label } : {}),
    ...(search.q ? { q: search.q } : {}),
  };
}

/** A day is that of the browser's zone. */
function instantOf(text: string | undefined): string | null {
  if (!text) return null;
  const at = new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00` : text);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** The day that begins at midnight here. */
export function today(): string {
  const now = new Date();
  return [now.getFullYear(), String(now.getMonth() + 1).padStart(2, '0'), String(now.getDate()).padStart(2, '0')].join(
    '-',
  );
}
