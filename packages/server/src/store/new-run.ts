/** What a run is to be: what was asked for, and for the rest what its workflow says. Pure. */
import type { ExecType, RunPlan } from '@pelorus/engine';
import type { RunSettings, WorkflowDefinition } from '@pelorus/protocol';
import type { NewRun } from './port.ts';

/** What nobody sets, but whoever makes the run knows. */
export interface RunOccasion {
  project: string;
  workflow: string;
  version: number;
  execType: ExecType;
  /** How the plan came about, in words for people. */
  mode: string;
  plan: RunPlan;
  submitUser: string;
  proxyUser: string | null;
  queue: string | null;
  /** Epoch ms. */
  logicalDateAt: number;
  zone: string | null;
  submittedAt: number;
}

/** A run of that version, under no key and with no rows of tasks. */
export function newRunOf(
  definition: WorkflowDefinition,
  settings: RunSettings,
  { version, zone, ...occasion }: RunOccasion,
): NewRun & { workflowVersion: number } {
  const { params, workerGroup, environment, dryRun, timeoutMs, extras } = settings;
  return {
    ...occasion,
    workflowVersion: version,
    rerunOf: null,
    parent: null,
    failurePolicy: settings.failurePolicy ?? definition.failurePolicy,
    priority: settings.priority ?? definition.priority,
    timeoutMs: timeoutMs ?? definition.timeout.afterMs,
    timeoutAction: timeoutMs === null ? definition.timeout.action : 'fail',
    workerGroup,
    environment,
    dryRun,
    params,
    zone: zone ?? definition.schedule?.timezone ?? 'UTC',
    notifyType: settings.notifyType ?? NOTIFY_TYPES[definition.notify.on],
    notifyMails: settings.notifyMails ?? definition.notify.to,
    extras,
    idempotencyKey: null,
    tasks: [],
  };
}

const NOTIFY_TYPES = { none: 'NONE', success: 'SUCCESS', failure: 'FAILURE', all: 'ALL' } as const;
