/** What people asked to be told of a run, and to whom. Rules: docs/alerts.md. */
import type { RunState } from '@pelorus/protocol';
import type { Effect } from './events.ts';
import type { AlertEvent, AlertRecord, NotifyType } from './records.ts';
import { type Run, taskOf } from './run.ts';

type Notify = Extract<Effect, { kind: 'notify' }>;

/** Null when nobody asked for it. */
export function alertOf(run: Run, notify: Notify): AlertRecord | null {
  const { spec, status } = run;
  const event = notify.subject === 'timeout-warning' ? notify.subject : EVENT_OF_END[status.state];
  const recipients = event === null ? [] : recipientsOf(run, event);
  if (event === null || recipients.length === 0) return null;
  const { project, workflow, workflowVersion, execType, submitUser, logicalDateAt } = spec;
  const { state, cause, firstFailure, startedAt, endedAt } = status;
  const { task, at } = notify;
  return {
    id: `${spec.id}.${event}${task === null ? '' : `.${task}`}`,
    run: spec.id,
    ...{ event, task, at, recipients, timeoutMs: timeoutOf(run, notify) },
    ...{ project, workflow, workflowVersion, execType, submitUser, logicalDateAt },
    ...{ state, cause, firstFailure, startedAt, endedAt },
  };
}

const EVENT_OF_END: Record<RunState, AlertEvent | null> = {
  queued: null,
  waiting: null,
  running: null,
  pausing: null,
  stopping: null,
  paused: null,
  succeeded: 'run-succeeded',
  failed: 'run-failed',
  dependency_failed: 'run-failed',
  stopped: 'run-stopped',
};

/**
 * Those the run names, then those its workflow names. `NONE` silences both: so do dry runs, which did nothing, and
 * children, whose parent's end is told.
 */
function recipientsOf({ spec, definition }: Run, event: AlertEvent): string[] {
  if (spec.notifyType === 'NONE' || spec.dryRun) return [];
  const { on, to } = definition.notify;
  const own = WANTED[spec.notifyType].includes(event) ? spec.notifyMails : [];
  const workflows = WANTED[TYPE_OF[on]].includes(event) ? to : [];
  return [...new Set([...own, ...workflows])];
}

const WANTED: Record<NotifyType, readonly AlertEvent[]> = {
  NONE: [],
  SUCCESS: ['run-succeeded'],
  FAILURE: ['run-failed', 'timeout-warning'],
  ALL: ['run-succeeded', 'run-failed', 'run-stopped', 'timeout-warning'],
};

const TYPE_OF = { none: 'NONE', success: 'SUCCESS', failure: 'FAILURE', all: 'ALL' } as const;

function timeoutOf(run: Run, { subject, task }: Notify): number | null {
  if (subject !== 'timeout-warning') return null;
  const index = task === null ? undefined : run.graph.indexOf.get(task);
  return index === undefined ? run.spec.timeoutMs : (taskOf(run, index).timeout?.afterMs ?? null);
}
