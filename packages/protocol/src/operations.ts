/** What the HTTP API answers about backfills, bulk operations, workers and masters, environments and versions of workflows. */
import type { NotifyType, Page, RunRequest, WorkerView, WorkflowSummary } from './routes.ts';
import type { DefinitionFormat } from './routes.ts';
import type { Priority, RunState } from './states.ts';
import type { DefinitionProblem, FailurePolicy, ParameterValue } from './workflow.ts';

// ---- backfills

/** Body of `POST /backfills`: what to run, as of a run, and for which dates. */
export interface BackfillRequest extends Omit<RunRequest, 'logicalDate'> {
  /**
   * Both inclusive: RFC 3339, or a date or a local time of the zone; a date as the end means all of it. Without `crontab` one date a
   * day, at the time of day of `startDate`.
   */
  startDate?: string;
  endDate?: string;
  /** Exactly these, written in the same way, instead of a range. */
  dates?: string[];
  /** Five fields, or six or seven as of Quartz. */
  crontab?: string;
  /** `serial` (default): one after the other. */
  mode?: 'serial' | 'parallel';
  /** Runs at a time; with `parallel` only. Default 2. */
  parallelism?: number;
  /** Which date comes first; default `ascending`. */
  order?: 'ascending' | 'descending';
  /** Default false: after a date that did not succeed no further one begins. */
  continueAfterFailure?: boolean;
  /** Workflows that depend on it run for each date, too, after it; default false. */
  withDependents?: boolean;
}

export type BackfillStateName = 'pending' | 'running' | 'paused' | 'succeeded' | 'failed' | 'stopped';
export type BackfillDateStateName = 'pending' | 'running' | 'succeeded' | 'failed' | 'stopped' | 'skipped';

export interface BackfillSummary {
  id: number;
  project: string;
  workflow: string;
  /** Null: each run takes the latest version there is when it is made. */
  version: number | null;
  startDate: string;
  endDate: string;
  crontab: string | null;
  zone: string;
  mode: 'serial' | 'parallel';
  parallelism: number;
  order: 'ascending' | 'descending';
  continueAfterFailure: boolean;
  state: BackfillStateName;
  waitReason: string | null;
  dateCount: number;
  /** Dates by state; states that no date is in are absent. */
  counts: Partial<Record<BackfillDateStateName, number>>;
  /** Dates that have ended, however, of all; from 0 to 1. */
  progress: number;
  submittedBy: string;
  createdAt: string;
  updatedAt: string;
  endedAt: string | null;
}

/** One logical date of a backfill. */
export interface BackfillDate {
  date: string;
  state: BackfillDateStateName;
  /** Its last run; null: none yet, or it is to begin again. */
  run: number | null;
  /** How many runs it has had: one for each workflow, and for each time that it was begun again. */
  runs: number;
  /** `project/workflow` that depends on the backfill's, when its run is of that, or comes next. */
  dependent: string | null;
  /** Why it was skipped or stopped, or failed without a run. */
  reason: string | null;
  startedAt: string | null;
  endedAt: string | null;
}

/** How runs are made that nobody asks for one by one; null: as the workflow says, or the product's default. */
export interface RunSettings {
  params: Record<string, ParameterValue>;
  failurePolicy: FailurePolicy | null;
  priority: Priority | null;
  workerGroup: string | null;
  environment: string | null;
  dryRun: boolean;
  timeoutMs: number | null;
  notifyType: NotifyType | null;
  notifyMails: string[] | null;
  extras: unknown;
}

export interface BackfillSettings extends RunSettings {
  from: { task: string[]; dep: 'node' | 'post' | 'pre' } | null;
  select: string[] | null;
}

export interface BackfillView extends BackfillSummary {
  /** How each of its runs is made; null: as the workflow says. */
  options: BackfillSettings;
  /** `project/workflow`, in the order in which they run for each date after the workflow itself; those that the caller may read. */
  dependents: string[];
  /** A page of them, in the order of execution. */
  dates: BackfillDate[];
  nextCursor: string | null;
}

/** Which dates of a backfill begin again: those that failed, those that were stopped or have never begun, or whatever did not succeed. */
export type BackfillRetryName = 'failed' | 'stopped' | 'all';

/** Answer to `POST /backfills?dryRun=true`. */
export interface BackfillPreview {
  /** In the order of execution. */
  dates: string[];
  /** `project/workflow`, in the order in which they run for each date after the workflow itself. */
  dependents: string[];
  zone: string;
  mode: 'serial' | 'parallel';
  parallelism: number;
  warnings: string[];
}

export interface BackfillSubmitted {
  id: number;
  state: BackfillStateName;
  waitReason: string | null;
  dateCount: number;
  /** Runs of the dates that have begun with it. */
  runs: number[];
  warnings: string[];
}

// ---- runs in bulk

export type BulkActionName = 'stop' | 'pause' | 'resume' | 'rerun' | 'repeat';

/** As the query of `GET /runs`. */
export interface RunSelection {
  project?: string;
  /** `*` stands for any text, `?` for one character. */
  workflow?: string;
  state?: RunState[];
  execType?: 'DIRECT' | 'COMPLEMENT_DATA' | 'SCHEDULER';
  submittedAfter?: string;
  submittedBefore?: string;
  logicalDateAfter?: string;
  logicalDateBefore?: string;
  user?: string;
  /** The number of a run, or a part of the name of its workflow. */
  q?: string;
  rerunOf?: number;
  /** `name`, or `name=value`, of the workflow. */
  label?: string;
}

/** Body of `POST /bulk/runs`: either `ids` or `filter`. */
export interface BulkRequest {
  action: BulkActionName;
  ids?: number[];
  filter?: RunSelection;
  /** Of `rerun`; absent: `same`. */
  version?: 'same' | 'latest';
}

export interface BulkView {
  id: number;
  action: BulkActionName;
  state: 'pending' | 'running' | 'ended';
  /** How many runs it is about, and how many of them are still to do, done, and refused. */
  total: number;
  pending: number;
  done: number;
  refused: number;
  submittedBy: string;
  createdAt: string;
  endedAt: string | null;
}

export interface BulkItemView {
  run: number;
  /** `done`: the command is written, or the new run submitted. */
  state: 'pending' | 'done' | 'refused';
  command: number | null;
  /** What the run's master made of the command; null: there is none, or nothing yet. */
  outcome: 'applied' | 'refused' | null;
  newRun: number | null;
  /** Of a refusal, by us or by the master: the error's code and sentence. */
  code: string | null;
  message: string | null;
}

export interface BulkDetail extends BulkView, Page<BulkItemView> {}

/** Answer to `POST /bulk/runs?dryRun=true`. */
export interface BulkPreview {
  action: BulkActionName;
  total: number;
  items: {
    run: number;
    workflow: string | null;
    state: RunState | null;
    would: 'apply' | 'refuse';
    message: string | null;
  }[];
}

// ---- workers and masters

export interface WorkerDetail extends WorkerView {
  /** Those of projects that the caller may read; `liveAttempts` counts all. */
  attempts: {
    id: string;
    run: number;
    project: string;
    workflow: string;
    state: string;
    dispatchedAt: string;
    startedAt: string | null;
  }[];
  liveAttempts: number;
}

/** Answer to draining and undraining. */
export interface WorkerDrained {
  name: string;
  draining: boolean;
  reason: string | null;
  /** Starts of the worker that are connected now. */
  workers: string[];
  /** Attempts that they have not finished. */
  liveAttempts: number;
}

export interface MasterView {
  id: string;
  host: string;
  /** `active`: its lease runs. `expired`: it is over and nobody took its runs yet. `over`: another took over, or it ended. */
  state: 'active' | 'expired' | 'over';
  registeredAt: string;
  renewedAt: string;
  leaseUntil: string;
  endedAt: string | null;
  /** Runs that it owns and that have not ended. */
  runs: number;
}

export interface WorkerGroupView {
  name: string;
  description: string;
  /** Null: nobody described it, but workers or tasks name it. */
  updatedAt: string | null;
  updatedBy: string | null;
  /** Workers that take its tasks, whatever their state. */
  workers: { id: string; name: string; state: WorkerView['state'] }[];
  slots: number;
  /** Tasks that are ready and wait for one of them. */
  waitingTasks: number;
}

export interface EnvironmentBody {
  description?: string;
  variables: Record<string, string>;
}

export interface EnvironmentView {
  name: string;
  description: string;
  variables: Record<string, string>;
  updatedAt: string;
  updatedBy: string;
}

// ---- workflows

export interface LastRunView {
  id: number;
  state: RunState;
  submittedAt: string;
  startedAt: string | null;
  endedAt: string | null;
}

/** With `?lastRuns=`. */
export interface WorkflowListItem extends WorkflowSummary {
  lastRuns?: LastRunView[];
}

/** Answer to `GET …/versions/{a}/diff/{b}`. */
export interface WorkflowDiff {
  from: number;
  to: number;
  /** Unified, of the sources; empty when they are the same. */
  text: string;
  tasks: { added: string[]; removed: string[]; changed: string[] };
  /** Members of the workflow itself that differ, e.g. `params`. */
  settings: string[];
  files: { added: string[]; removed: string[]; changed: string[] };
}

/** Answer to `POST …/import`: the same with and without `?dryRun=true`, and in the refusal when anything in it was refused. */
export interface ImportReport {
  /** Everything that is not `unchanged` is stored now. Nothing is when anything was refused, or when it was a dry run. */
  stored: boolean;
  workflows: ImportedWorkflow[];
  /** Files of the project that came along. */
  files: ImportedFile[];
  /** Files of the zip that nothing in it is about; the first ones. */
  unused: string[];
}

export interface ImportedWorkflow {
  /** Null where it could not be read that far. */
  name: string | null;
  /** In the zip; null for what was sent as text. */
  file: string | null;
  format: DefinitionFormat;
  outcome: 'created' | 'updated' | 'unchanged' | 'refused';
  /** That it has once this is stored; null when refused. */
  version: number | null;
  /** Lines and columns are those of the file, or of the text that was sent. */
  errors: DefinitionProblem[];
  warnings: DefinitionProblem[];
}

export interface ImportedFile {
  path: string;
  /** `kept`: the project has another one under that path, which stays as it is. */
  outcome: 'created' | 'unchanged' | 'kept';
}
