/** What a row of the audit says that a change was about, for each verb that changes something on somebody's behalf. */
import type { Sql } from './database.ts';
import { RUN_COLUMNS, type Cell } from './rows.ts';
import type { VerbAnswer } from './thread-channel.ts';
import type { WriteContext } from './write-context.ts';
import type { WriteVerbs } from './write-verbs.ts';

export interface AuditTarget {
  /** A path: `runs/12`, `projects/p/workflows/w`. */
  target: string;
  project?: { id: number; name: string } | null;
  /** Where the sender is known only once it is done: who signed in. */
  user?: string;
}

/** Verbs of masters and senders of alerts, and those that only keep the books. */
const NOT_ON_BEHALF = [
  'open',
  'registerMaster',
  'releaseMaster',
  'renewMaster',
  'claimCommands',
  'claimFairly',
  'adoptRuns',
  'commit',
  'fireDue',
  'takePermits',
  'housekeep',
  'claimAlerts',
  'settleAlert',
  'appendLog',
  'markLogGap',
  'completeLog',
  'dropLogChunks',
  'claimBulkOperation',
  'settleBulkItems',
  'touchSession',
  'touchToken',
  'takeTry',
  'forgiveTry',
  'writeAudit',
  'reseal',
  'purgeFreed',
] as const;

export const UNAUDITED: ReadonlySet<keyof WriteVerbs> = new Set(NOT_ON_BEHALF);

type AuditedVerb = Exclude<keyof WriteVerbs, (typeof NOT_ON_BEHALF)[number]>;
type Rules = {
  [Verb in AuditedVerb]: (
    c: WriteContext,
    request: Parameters<WriteVerbs[Verb]>[1],
    answer: VerbAnswer<WriteVerbs[Verb]>,
  ) => AuditTarget | Sql<AuditTarget | AuditTarget[]>;
};

export const AUDIT_RULES: Rules = {
  ensureProject: (_c, _request, project) => ofProject(project),
  createProject: (_c, _request, project) => ofProject(project),
  changeProject: (_c, _request, project) => ofProject(project),
  deleteProject: (c, { project }) => ofDeletedProject(c, project),
  saveWorkflow: (_c, { project, name }, { workflow }) => ({
    target: `projects/${project}/workflows/${name}`,
    project: { id: workflow.projectId, name: project },
  }),
  saveTogether: (c, { files }, saved) => ofSavedTogether(c, files, saved),
  deleteWorkflow: (c, { workflowId }) => ofWorkflow(c, workflowId),
  saveSecret: (c, { projectId, name }) => ofPart(c, projectId, `secrets/${name}`),
  deleteSecret: (c, { projectId, name }) => ofPart(c, projectId, `secrets/${name}`),
  saveConnection: (c, { projectId, name }) => ofPart(c, projectId, `connections/${name}`),
  deleteConnection: (c, { projectId, name }) => ofPart(c, projectId, `connections/${name}`),
  saveProjectFile: (c, { projectId, path }) => ofPart(c, projectId, `files/${path}`),
  deleteProjectFile: (c, { projectId, path }) => ofPart(c, projectId, `files/${path}`),
  submitRun: (_c, _request, { run }) => ofRunCells(run),
  requestCommand: (c, { run }) => ofRun(c, run),
  saveTaskGroup: (_c, { name }) => ({ target: `task-groups/${name}` }),
  deleteTaskGroup: (_c, name) => ({ target: `task-groups/${name}` }),
  saveAlertChannel: (_c, { name }) => ({ target: `alert-channels/${name}` }),
  deleteAlertChannel: (_c, name) => ({ target: `alert-channels/${name}` }),
  createBackfill: (_c, _request, { backfill }) => ofBackfill(backfill),
  stopBackfill: (_c, _request, backfill) => ofBackfill(backfill),
  pauseBackfill: (_c, _request, backfill) => ofBackfill(backfill),
  resumeBackfill: (_c, _request, backfill) => ofBackfill(backfill),
  retryBackfill: (_c, _request, backfill) => ofBackfill(backfill),
  createBulkOperation: (_c, _request, { operation }) => ({ target: `bulk/runs/${operation.id}` }),
  drainWorker: (_c, { name }) => ({ target: `workers/${name}` }),
  undrainWorker: (_c, name) => ({ target: `workers/${name}` }),
  saveWorkerGroup: (_c, { name }) => ({ target: `worker-groups/${name}` }),
  deleteWorkerGroup: (_c, name) => ({ target: `worker-groups/${name}` }),
  saveEnvironment: (_c, { name }) => ({ target: `environments/${name}` }),
  deleteEnvironment: (_c, name) => ({ target: `environments/${name}` }),
  saveSchedule: (_c, _request, { schedule }) => ofWorkflowPart(schedule, `schedules/${schedule.name}`),
  setScheduleOnline: (_c, _request, { schedule }) => ofWorkflowPart(schedule, `schedules/${schedule.name}`),
  deleteSchedule: (_c, _request, schedule) => ofWorkflowPart(schedule, `schedules/${schedule.name}`),
  saveCalendar: (_c, { name }) => ({ target: `calendars/${name}` }),
  deleteCalendar: (_c, name) => ({ target: `calendars/${name}` }),
  setMaintenance: () => ({ target: 'maintenance' }),
  saveDeadline: (_c, _request, deadline) => ofWorkflowPart(deadline, `deadlines/${deadline.name}`),
  deleteDeadline: (_c, _request, deadline) => ofWorkflowPart(deadline, `deadlines/${deadline.name}`),
  saveUser: (_c, { name }) => ({ target: `users/${name}` }),
  setPassword: (_c, { user }) => ({ target: `users/${user}` }),
  createSession: (_c, _request, { user, id }) => ({ target: `users/${user}/sessions/${id}`, user }),
  endSession: (_c, id, user) => ({ target: `users/${user ?? ''}/sessions/${id}` }),
  createToken: (_c, _request, { user, id }) => ({ target: `users/${user}/tokens/${id}` }),
  deleteToken: (_c, id, user) => ({ target: `users/${user}/tokens/${id}` }),
  createSignInLink: (_c, { user }) => ({ target: `users/${user}` }),
  redeemSignInLink: (_c, _request, session) =>
    session === null ? { target: '' } : { target: `users/${session.user}/sessions/${session.id}`, user: session.user },
  saveMember: (c, { projectId, user }) => ofMember(c, projectId, user),
  deleteMember: (c, { projectId, user }) => ofMember(c, projectId, user),
  setProjectOwner: (c, { projectId, user }) => ofMember(c, projectId, user),
};

function ofProject({ id, name }: { id: number; name: string }): AuditTarget {
  return { target: `projects/${name}`, project: { id, name } };
}

/** Deleting a project renames it; the audit knows it by the name that it had. */
function* ofDeletedProject(c: WriteContext, id: number): Sql<AuditTarget> {
  const name = (yield* c.db.get(PROJECT, id))?.['name'] as string | undefined;
  return name === undefined ? { target: '' } : ofProject({ id, name: name.replace(/ \(deleted \d+\)$/, '') });
}

function ofBackfill({ id, projectId, project }: { id: number; projectId: number; project: string }): AuditTarget {
  return { target: `backfills/${id}`, project: { id: projectId, name: project } };
}

function ofWorkflowPart(
  { projectId, project, workflow }: { projectId: number; project: string; workflow: string },
  part: string,
): AuditTarget {
  return { target: `projects/${project}/workflows/${workflow}/${part}`, project: { id: projectId, name: project } };
}

const RUN_ID = RUN_COLUMNS.indexOf('id');
const RUN_PROJECT_ID = RUN_COLUMNS.indexOf('project_id');
const RUN_PROJECT = RUN_COLUMNS.indexOf('project');

function ofRunCells(run: Cell[]): AuditTarget {
  return {
    target: `runs/${run[RUN_ID] as number}`,
    project: { id: run[RUN_PROJECT_ID] as number, name: run[RUN_PROJECT] as string },
  };
}

const RUN = `select project_id, project from run where id = ?`;

function* ofRun(c: WriteContext, run: number): Sql<AuditTarget> {
  const row = yield* c.db.get(RUN, run);
  const project = row ? { id: row['project_id'] as number, name: row['project'] as string } : null;
  return { target: `runs/${run}`, project };
}

const WORKFLOW = `select p.id, p.name as project, w.name from workflow w join project p on p.id = w.project_id where w.id = ?`;

function* ofWorkflow(c: WriteContext, workflowId: number): Sql<AuditTarget> {
  const row = yield* c.db.get(WORKFLOW, workflowId);
  if (!row) return { target: '' };
  const project = { id: row['id'] as number, name: row['project'] as string };
  return { target: `projects/${project.name}/workflows/${row['name'] as string}`, project };
}

/** A row for each workflow and file, as if they had been saved one by one. */
function* ofSavedTogether(
  c: WriteContext,
  { projectId, files }: { projectId: number; files: readonly { path: string }[] },
  saved: readonly {
    workflow: { projectId: number; project: string; name: string };
    changed: boolean;
    textChanged: boolean;
  }[],
): Sql<AuditTarget[]> {
  const targets: AuditTarget[] = [];
  for (const { path } of files) targets.push(yield* ofPart(c, projectId, `files/${path}`));
  for (const { workflow, changed, textChanged } of saved) {
    const { projectId: id, project: name } = workflow;
    if (changed || textChanged)
      targets.push({ target: `projects/${name}/workflows/${workflow.name}`, project: { id, name } });
  }
  return targets;
}

const PROJECT = `select id, name from project where id = ?`;

function* ofMember(c: WriteContext, projectId: number, user: string): Sql<AuditTarget> {
  return yield* ofPart(c, projectId, `members/${user}`);
}

/** Something that a project holds. */
function* ofPart(c: WriteContext, projectId: number, part: string): Sql<AuditTarget> {
  const name = (yield* c.db.get(PROJECT, projectId))?.['name'] as string | undefined;
  const project = name === undefined ? null : { id: projectId, name };
  return { target: `projects/${name ?? projectId}/${part}`, project };
}
