/**
 * Who may do what: one row for each operation, written down by hand. It says what is expected, independently of how
 * routes state it; an operation without a row fails the test.
 */
import type { Place } from './places.ts';
import type { Principal } from './principals.ts';
import type { World } from './world.ts';

/** A right in the project; or who one has to be. */
export type Need = 'anyone' | 'signed-in' | 'administrator' | 'read' | 'write' | 'execute' | 'own';

export interface Sent {
  params?: Record<string, string | number>;
  query?: Record<string, string>;
  body?: unknown;
  /** Instead of a body of JSON. */
  bytes?: string;
}

/** A request that mixes what is in `own` with what is in `foreign`, sent by who has every right in `own`. */
export interface Mixed extends Sent {
  title: string;
  /** What must come of it. Whatever that is, nothing in `foreign` may change or be told. */
  status: number;
}

export interface Expectation {
  needs: Need;
  /** What else is needed, in words, for the documentation. */
  note?: string;
  /** About one project; absent: it is about none, and one request is enough. */
  about?: (place: Place) => Sent;
  /** The request of an operation that is about nothing in a project. */
  sent?: Sent | ((world: World) => Sent);
  /** What those who may are answered; 200. */
  status?: number;
  /** What those are answered who may not; 403. */
  refusal?: number;
  /** Beyond `needs`, for what belongs to a person: who of those may. */
  only?: (principal: Principal) => boolean;
  /** Shows only what the caller may read, of whichever project: never refused to who is signed in. */
  list?: true;
  mixed?: (own: Place, foreign: Place) => Mixed[];
  /** Its answer never ends. */
  stream?: true;
  /** Who may execute or write without reading is answered with what they did, which names it. */
  tells?: true;
  /** What is answered where a path names something that is not there yet; 201 for a PUT, else 404. */
  made?: number;
}

const run = (key: string) => (place: Place) => ({ params: { [key]: place.run } });
const inPath = (place: Place) => ({ project: place.project, workflow: place.workflow });
const definition = (name: string, task: object = { run: 'true' }) => ({ name, tasks: { step: task } });
const names = (place: Place) => ({ project: place.project, workflow: place.workflow });
const published = (place: Place) => ({ projectName: place.project, workflowName: place.workflow, execType: 'DIRECT' });
const direct = (projectName: string, parameter: object, type = 'SHELL') => ({
  ...{ projectName, workflowName: `direct_${Math.random().toString(36).slice(2)}`, proxyUser: 'etl', queue: 'default' },
  data: { nodes: [{ name: 'n', type, parameter }] },
});
const inProject = (place: Place) => ({ params: { project: place.project } });
const named = (what: 'connection' | 'secret') => (place: Place) => ({
  params: { project: place.project, name: place[what] },
});
const file = (place: Place) => ({ params: { project: place.project, path: place.file } });
const group = { params: { name: 'gpu' } };
const unused = { params: { name: 'unused' } };
const channel = { params: { name: 'ops' } };

const deadline = (place: Place) => ({ params: { ...inPath(place), deadline: place.deadline } });

/** The same for one that is named and for the one that is called `default`. */
function ofSchedule(noun: string, name: (place: Place) => Record<string, string>): Record<string, Expectation> {
  const about = (place: Place) => ({ params: { ...inPath(place), ...name(place) } });
  const cron = '0 7 * * *';
  return {
    [`get${noun}`]: { needs: 'read', about },
    [`put${noun}`]: {
      needs: 'write',
      note: 'and **read** in other projects that `dependsOn` names, **execute** where its sub-workflows lead',
      about: (place) => ({ ...about(place), body: { cron } }),
      made: 404,
      mixed: (own, foreign) => [
        {
          ...{ title: 'waiting for a workflow of the other project', ...about(own), status: 403 },
          body: { cron, dependsOn: [`${foreign.project}/${foreign.workflow}`] },
        },
      ],
    },
    [`delete${noun}`]: { needs: 'write', about, status: 204 },
    [`take${noun}Online`]: { needs: 'write', about, tells: true },
    [`take${noun}Offline`]: { needs: 'write', about, tells: true },
    [`get${noun}Preview`]: { needs: 'read', about },
    [`list${noun}Ticks`]: { needs: 'read', about },
  };
}

export const EXPECTED: Record<string, Expectation> = {
  // ---- the published contract
  runWorkflow: {
    needs: 'execute',
    about: (place) => ({ body: published(place) }),
    status: 201,
    mixed: (own, foreign) => [
      {
        title: 'a workflow of the other project',
        body: { ...published(own), workflowName: foreign.workflow },
        status: 404,
      },
      { title: 're-run of a foreign run', body: { ...published(own), rerunOf: foreign.endedRun }, status: 403 },
      { title: 'own run, foreign names', body: { ...published(foreign), rerunOf: own.endedRun }, status: 400 },
      {
        title: 'backfill of a foreign workflow',
        body: { ...published(foreign), execType: 'COMPLEMENT_DATA', schedule: { startDate: 0, endDate: 1 } },
        status: 403,
      },
    ],
  },
  runDirect: {
    needs: 'execute',
    note: 'and, for what it names in other projects, as for saving',
    about: (place) => ({ body: direct(place.project, { script: 'true' }) }),
    status: 201,
    mixed: (own, foreign) => [
      {
        title: 'a sub-workflow in the other project',
        body: direct(own.project, { workflow: `${foreign.project}/${foreign.workflow}` }, 'SUB_WORKFLOW'),
        status: 403,
      },
      {
        title: 'waiting for a workflow of the other project',
        body: direct(
          own.project,
          { upstream: { workflow: `${foreign.project}/${foreign.workflow}`, window: 'today' } },
          'DEPENDENT',
        ),
        status: 403,
      },
    ],
  },
  listExecutions: {
    needs: 'signed-in',
    list: true,
    mixed: (_own, foreign) => [
      { title: 'by name of the other project', query: { projectName: `["${foreign.project}"]` }, status: 200 },
    ],
  },
  getExecution: { needs: 'read', about: run('execId') },
  getExecutionLogs: { needs: 'read', about: (place) => ({ params: { jobId: place.attempt } }) },
  queryExecutingWorkflow: {
    needs: 'read',
    about: (place) => ({ params: { projectCode: place.project }, query: { id: String(place.run) } }),
    mixed: (own, foreign) => [
      {
        title: 'a foreign run as if it were of the own project',
        params: { projectCode: own.project },
        query: { id: String(foreign.run) },
        status: 403,
      },
      {
        title: 'an own run as if it were of the other project',
        params: { projectCode: foreign.project },
        query: { id: String(own.run) },
        status: 404,
      },
    ],
  },
  killExecution: { needs: 'execute', about: run('execId'), status: 201 },

  // ---- projects
  listProjects: { needs: 'signed-in', list: true },
  getProject: { needs: 'read', about: inProject },
  putProject: {
    needs: 'own',
    note: 'whoever is signed in may create one, but for restricted tokens; who may read one may ask for it without a change',
    about: (place) => ({ params: { project: place.project }, body: { description: 'other words' } }),
    mixed: (_own, foreign) => [
      {
        title: 'asks for the other project without a change',
        params: { project: foreign.project },
        body: {},
        status: 403,
      },
    ],
  },
  deleteProject: {
    needs: 'own',
    about: inProject,
    // It is not empty.
    status: 412,
  },

  // ---- workflows
  listWorkflows: {
    needs: 'signed-in',
    list: true,
    mixed: (_own, foreign) => [{ title: 'of the other project', query: { project: foreign.project }, status: 403 }],
  },
  getWorkflow: { needs: 'read', about: (place) => ({ params: inPath(place) }) },
  putWorkflow: {
    needs: 'write',
    note: 'and, for a `sub_workflow` or `dependent` of another project, **execute** or **read** there',
    about: (place) => ({ params: inPath(place), body: definition(place.workflow) }),
    mixed: (own, foreign) => {
      const params = { project: own.project, workflow: 'mixing' };
      const there = `${foreign.project}/${foreign.workflow}`;
      const saving = (task: object) => ({ params, body: definition('mixing', task), status: 403 });
      return [
        { title: 'a sub-workflow in the other project', ...saving({ type: 'sub_workflow', workflow: there }) },
        { title: 'one in no project', ...saving({ type: 'sub_workflow', workflow: 'nowhere/x' }) },
        {
          title: 'waiting for a workflow of the other project',
          ...saving({ type: 'dependent', upstream: { or: [{ workflow: there, window: 'today' }] } }),
        },
        {
          title: 'a schedule that waits for a workflow of the other project',
          params,
          body: { ...definition('mixing'), schedule: { cron: '0 6 * * *', dependsOn: [there] } },
          status: 403,
        },
        {
          title: 'the body names the other project, which is not looked at',
          params,
          body: { ...definition('mixing'), project: foreign.project },
          status: 201,
        },
      ];
    },
  },
  deleteWorkflow: {
    needs: 'write',
    about: (place) => ({ params: inPath(place) }),
    // Runs of it are in progress.
    status: 409,
  },
  validateWorkflow: {
    needs: 'read',
    made: 200,
    note: 'as for saving, for what it names in other projects',
    about: (place) => ({ params: inPath(place), body: definition(place.workflow) }),
    mixed: (own, foreign) => [
      {
        title: 'a sub-workflow in the other project',
        params: { project: own.project, workflow: 'mixing' },
        body: definition('mixing', { type: 'sub_workflow', workflow: `${foreign.project}/${foreign.workflow}` }),
        status: 403,
      },
    ],
  },
  listVersions: { needs: 'read', about: (place) => ({ params: inPath(place) }) },
  getVersion: { needs: 'read', about: (place) => ({ params: { ...inPath(place), version: 1 } }) },
  diffVersions: { needs: 'read', about: (place) => ({ params: { ...inPath(place), version: 1, other: 1 } }) },
  rollbackWorkflow: {
    needs: 'write',
    note: 'and, for a `sub_workflow` or `dependent` of another project, **execute** or **read** there',
    about: (place) => ({ params: inPath(place), body: { version: 1 } }),
  },
  exportProject: { needs: 'read', about: inProject },
  importProject: {
    needs: 'write',
    note: 'and, for a `sub_workflow` or `dependent` of another project, **execute** or **read** there',
    about: (place) => ({ ...inProject(place), body: [definition('imported')] }),
    mixed: (own, foreign) => [
      {
        title: 'a sub-workflow in the other project',
        ...inProject(own),
        body: [
          definition('one'),
          definition('mixing', { type: 'sub_workflow', workflow: `${foreign.project}/${foreign.workflow}` }),
        ],
        status: 403,
      },
      {
        title: 'definitions that name the other project, which is not looked at',
        ...inProject(own),
        body: [{ ...definition('imported'), project: foreign.project }],
        status: 200,
      },
    ],
  },
  exportWorkflow: { needs: 'read', about: (place) => ({ params: inPath(place) }) },

  // ---- runs
  postRun: {
    needs: 'execute',
    note: 'with `?dryRun=true` also **read**; and the rights that its sub-workflows need in other projects',
    about: (place) => ({ body: names(place) }),
    status: 201,
    mixed: (own, foreign) => [
      { title: 'a workflow of the other project', body: { ...names(own), workflow: foreign.workflow }, status: 404 },
      { title: 'a plan of the other project', body: names(foreign), query: { dryRun: 'true' }, status: 403 },
    ],
  },
  listRuns: {
    needs: 'signed-in',
    list: true,
    mixed: (_own, foreign) => [
      { title: 'of the other project', query: { project: foreign.project }, status: 403 },
      { title: 'by name of a workflow there', query: { workflow: foreign.workflow }, status: 200 },
    ],
  },
  getRunStats: {
    needs: 'signed-in',
    list: true,
    mixed: (_own, foreign) => [
      { title: 'of the other project', query: { project: foreign.project }, status: 403 },
      { title: 'by name of a workflow there', query: { workflow: foreign.workflow, tasks: 'true' }, status: 200 },
    ],
  },
  getWorkflowHistory: { needs: 'read', about: (place) => ({ params: inPath(place) }) },
  getRun: { needs: 'read', about: run('run') },
  getTasks: { needs: 'read', about: run('run') },
  getPlan: { needs: 'read', about: run('run') },
  getLive: { needs: 'read', about: run('run') },
  rerunRun: { needs: 'execute', about: (place) => ({ params: { run: place.endedRun }, body: {} }), status: 201 },
  repeatRun: { needs: 'execute', about: run('run'), status: 201 },
  getRunEvents: { needs: 'read', about: run('run'), stream: true },
  getEvents: {
    needs: 'signed-in',
    list: true,
    stream: true,
    mixed: (_own, foreign) => [{ title: 'of the other project', query: { project: foreign.project }, status: 403 }],
  },
  stopRun: { needs: 'execute', about: run('run'), status: 202 },
  pauseRun: { needs: 'execute', about: run('run'), status: 202 },
  resumeRun: { needs: 'execute', about: (place) => ({ params: { run: place.pausedRun } }), status: 202 },
  killTask: { needs: 'execute', about: (place) => ({ params: { run: place.run, task: place.task } }), status: 202 },
  forceTaskSuccess: {
    needs: 'execute',
    about: (place) => ({ params: { run: place.run, task: place.task } }),
    // It runs.
    status: 409,
  },
  getAttemptLogs: { needs: 'read', about: (place) => ({ params: { attempt: place.attempt } }) },
  downloadAttemptLogs: { needs: 'read', about: (place) => ({ params: { attempt: place.attempt } }) },

  // ---- backfills
  postBackfill: {
    needs: 'execute',
    about: (place) => ({ body: { ...names(place), dates: ['2026-01-01T00:00:00Z'] } }),
    status: 201,
    mixed: (own, foreign) => [
      {
        title: 'a workflow of the other project',
        body: { ...names(own), workflow: foreign.workflow, dates: ['2026-01-01T00:00:00Z'] },
        status: 404,
      },
    ],
  },
  listBackfills: {
    needs: 'signed-in',
    list: true,
    mixed: (_own, foreign) => [{ title: 'of the other project', query: { project: foreign.project }, status: 403 }],
  },
  getBackfill: { needs: 'read', about: (place) => ({ params: { backfill: place.backfill } }) },
  getBackfillEvents: {
    needs: 'read',
    about: (place) => ({ params: { backfill: place.backfill } }),
    stream: true,
  },
  pauseBackfill: {
    needs: 'execute',
    about: (place) => ({ params: { backfill: place.backfill } }),
    status: 202,
    tells: true,
  },
  resumeBackfill: {
    needs: 'execute',
    about: (place) => ({ params: { backfill: place.backfill } }),
    status: 202,
    tells: true,
  },
  stopBackfill: {
    needs: 'execute',
    about: (place) => ({ params: { backfill: place.backfill } }),
    status: 202,
    tells: true,
  },
  retryBackfill: {
    needs: 'execute',
    about: (place) => ({ params: { backfill: place.backfill } }),
    status: 202,
    tells: true,
  },

  // ---- schedules
  listSchedules: {
    needs: 'signed-in',
    list: true,
    mixed: (_own, foreign) => [
      { title: 'of the other project', query: { project: foreign.project }, status: 403 },
      { title: 'by name of a workflow there', query: { workflow: foreign.workflow }, status: 200 },
      { title: 'by part of its name', query: { q: 'voyage' }, status: 200 },
    ],
  },
  previewSchedule: { needs: 'signed-in', sent: { body: { cron: '0 6 * * *' } } },
  ...ofSchedule('Schedule', (place) => ({ schedule: place.schedule })),
  ...ofSchedule('DefaultSchedule', () => ({})),
  listAllDeadlines: {
    needs: 'signed-in',
    list: true,
    mixed: (_own, foreign) => [
      { title: 'of the other project', query: { project: foreign.project }, status: 403 },
      { title: 'by name of a workflow there', query: { workflow: foreign.workflow }, status: 200 },
    ],
  },
  listDeadlines: { needs: 'read', about: (place) => ({ params: inPath(place) }) },
  getDeadline: { needs: 'read', about: deadline },
  putDeadline: {
    needs: 'write',
    about: (place) => ({ ...deadline(place), body: { cron: '30 6 * * *', task: place.task } }),
    made: 404,
  },
  deleteDeadline: { needs: 'write', about: deadline, status: 204 },
  listCalendars: { needs: 'signed-in', sent: {} },
  getCalendar: { needs: 'signed-in', sent: unused },
  putCalendar: { needs: 'administrator', sent: { ...unused, body: { days: ['2026-05-01'] } } },
  deleteCalendar: { needs: 'administrator', sent: unused, status: 204 },
  getMaintenance: { needs: 'signed-in', sent: {} },
  putMaintenance: { needs: 'administrator', sent: { body: { paused: true, reason: 'x' } } },

  // ---- many runs at once
  postBulkRuns: {
    needs: 'signed-in',
    note: 'run by run, each as the action on it',
    list: true,
    sent: { query: { dryRun: 'true' }, body: { action: 'stop', filter: {} } },
    mixed: (own, foreign) => {
      const asked = (more: object) => ({ query: { dryRun: 'true' }, body: { action: 'stop', ...more } });
      return [
        { title: 'runs of both', ...asked({ ids: [own.run, foreign.run] }), status: 200 },
        { title: 'a filter for the other project', ...asked({ filter: { project: foreign.project } }), status: 403 },
      ];
    },
  },
  listBulk: { needs: 'signed-in', note: 'the own ones; all: administrators', sent: {} },
  getBulk: {
    needs: 'signed-in',
    note: 'the own ones; those of others: administrators',
    sent: ({ operation }) => ({ params: { operation } }),
    only: ({ administrator }) => administrator,
  },

  // ---- connections, secrets, files
  listConnections: { needs: 'read', about: inProject },
  getConnection: { needs: 'read', about: named('connection') },
  putConnection: {
    needs: 'write',
    about: (place) => ({
      ...named('connection')(place),
      body: { kind: 'postgres', url: 'postgres://db.example/other' },
    }),
  },
  deleteConnection: { needs: 'write', about: named('connection'), status: 204 },
  // There is no worker to try it on.
  testConnection: { needs: 'execute', about: named('connection'), status: 503 },
  listSecrets: { needs: 'read', about: inProject },
  getSecret: { needs: 'read', about: named('secret') },
  putSecret: { needs: 'write', about: (place) => ({ ...named('secret')(place), body: { value: 'another value' } }) },
  deleteSecret: { needs: 'write', about: named('secret'), status: 204 },
  listFiles: { needs: 'read', about: inProject },
  getFile: { needs: 'read', about: file },
  putFile: { needs: 'write', about: (place) => ({ ...file(place), bytes: 'other bytes' }) },
  deleteFile: { needs: 'write', about: file, status: 204 },

  // ---- people
  listMembers: { needs: 'read', about: inProject },
  putMember: {
    needs: 'own',
    about: (place) => ({ params: { project: place.project, user: place.member }, body: { perm: 3 } }),
  },
  deleteMember: {
    needs: 'own',
    about: (place) => ({ params: { project: place.project, user: place.member } }),
    status: 204,
  },
  putProjectOwner: {
    needs: 'own',
    about: (place) => ({ params: { project: place.project }, body: { user: place.member } }),
  },
  listAudit: {
    needs: 'own',
    note: 'of a project; all of it: administrators',
    about: (place) => ({ query: { project: place.project } }),
    mixed: () => [{ title: 'of everything', status: 403 }],
  },
  login: { needs: 'anyone', sent: { body: {} }, status: 400 },
  loginByCode: { needs: 'anyone', sent: { body: {} }, status: 400 },
  // Tokens are not signed out.
  logout: { needs: 'signed-in', note: 'ends the own session', sent: {}, status: 400 },
  getMe: { needs: 'signed-in', sent: {}, tells: true },
  listUsers: { needs: 'administrator', sent: {} },
  getUser: {
    needs: 'signed-in',
    note: 'others than oneself: administrators',
    sent: { params: { name: 'owner' } },
    only: ({ user, administrator }) => administrator || user === 'owner',
  },
  putUser: { needs: 'administrator', sent: { params: { name: 'owner' }, body: { administrator: true } } },
  setPassword: {
    needs: 'signed-in',
    note: 'the own one, in a session or with the present one; that of others: administrators',
    sent: { params: { name: 'homely-guest' }, body: { new: 'correct horse battery staple' } },
    status: 204,
    only: ({ administrator }) => administrator,
  },
  listSessions: {
    needs: 'signed-in',
    note: 'the own ones, but with restricted tokens; those of others: administrators',
    sent: { params: { name: 'owner' } },
    only: ({ user, administrator, restricted }) => administrator || (user === 'owner' && !restricted),
  },
  endSession: {
    needs: 'signed-in',
    note: 'the own ones, but with restricted tokens; those of others: administrators',
    sent: { params: { name: 'owner', id: 999_999 } },
    status: 404,
    only: ({ user, administrator, restricted }) => administrator || (user === 'owner' && !restricted),
  },
  createSignInLink: { needs: 'administrator', sent: { params: { name: 'owner' } }, status: 201 },
  listTokens: {
    needs: 'signed-in',
    note: 'the own ones; those of others: administrators',
    sent: { query: { user: 'owner' } },
    only: ({ user, administrator }) => administrator || user === 'owner',
  },
  createToken: {
    needs: 'signed-in',
    note: 'that may no more than the credentials it is made with',
    sent: { body: { name: 't' } },
    status: 201,
  },
  deleteToken: {
    needs: 'signed-in',
    note: 'the own ones; those of others: administrators',
    sent: ({ token }) => ({ params: { id: token } }),
    status: 204,
    refusal: 404,
    only: ({ administrator }) => administrator,
  },

  // ---- what is nobody's project
  listWorkers: { needs: 'signed-in', sent: {} },
  getWorker: { needs: 'signed-in', list: true, sent: { params: { worker: 'worker-1' } } },
  drainWorker: { needs: 'administrator', sent: { params: { worker: 'worker-1' }, body: {} }, status: 202 },
  undrainWorker: { needs: 'administrator', sent: { params: { worker: 'worker-1' } }, status: 202 },
  listMasters: { needs: 'signed-in', sent: {} },
  listWorkerGroups: { needs: 'signed-in', sent: {} },
  getWorkerGroup: { needs: 'signed-in', sent: unused },
  putWorkerGroup: { needs: 'administrator', sent: { ...unused, body: { description: 'x' } } },
  deleteWorkerGroup: { needs: 'administrator', sent: unused, status: 204 },
  listEnvironments: { needs: 'signed-in', sent: {} },
  getEnvironment: { needs: 'signed-in', sent: unused },
  putEnvironment: { needs: 'administrator', sent: { ...unused, body: { variables: { A: 'b' } } } },
  deleteEnvironment: { needs: 'administrator', sent: unused, status: 204 },
  listTaskGroups: { needs: 'signed-in', sent: {} },
  getTaskGroup: { needs: 'signed-in', sent: group },
  putTaskGroup: { needs: 'administrator', sent: { ...group, body: { size: 7 } } },
  deleteTaskGroup: { needs: 'administrator', sent: unused, status: 204 },
  listChannels: { needs: 'signed-in', sent: {} },
  getChannel: { needs: 'signed-in', sent: channel },
  putChannel: { needs: 'administrator', sent: { ...channel, body: { kind: 'email', target: 'b@example.org' } } },
  deleteChannel: { needs: 'administrator', sent: unused, status: 204 },
  testChannel: { needs: 'administrator', sent: channel },
  listAlerts: {
    needs: 'signed-in',
    list: true,
    mixed: (_own, foreign) => [{ title: 'of a foreign run', query: { run: String(foreign.endedRun) }, status: 403 }],
  },
  getSystem: { needs: 'signed-in', sent: {} },
  getIndex: { needs: 'signed-in', sent: {} },
  getWorkflowSchema: { needs: 'anyone', sent: {} },
  getWorkerProtocolSchema: { needs: 'anyone', sent: {} },
  livez: { needs: 'anyone', sent: {} },
  readyz: { needs: 'anyone', sent: {} },
  getMetrics: { needs: 'administrator', sent: {} },
  getOpenApi: { needs: 'anyone', sent: {} },
  getDocs: { needs: 'anyone', sent: {} },
  getStartPage: { needs: 'anyone', sent: {} },
};
