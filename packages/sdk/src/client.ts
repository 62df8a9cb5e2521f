/** The typed client: one method per route of the API, grouped by resource. */
import {
  BUNDLE_CONTENT_TYPE,
  CSV_CONTENT_TYPE,
  ICS_CONTENT_TYPE,
  type AlertChannelBody,
  type AlertChannelView,
  type AlertTested,
  type AlertView,
  type AttemptLogPage,
  type AuditQuery,
  type AuditView,
  type BackfillPreview,
  type BackfillRequest,
  type BackfillRetryName,
  type BackfillSubmitted,
  type BackfillSummary,
  type BackfillView,
  type BulkDetail,
  type BulkItemView,
  type BulkPreview,
  type BulkRequest,
  type BulkView,
  type CalendarBody,
  type CalendarSaved,
  type CalendarSummary,
  type CalendarView,
  type CommandAccepted,
  type ConnectionBody,
  type ConnectionTested,
  type ConnectionView,
  type DeadlineBody,
  type DeadlineView,
  type EnvironmentBody,
  type EnvironmentView,
  type ExecutingAnswer,
  type ExecutorDetail,
  type ExecutorDirectRequest,
  type ExecutorDirectStarted,
  type ExecutorKilled,
  type ExecutorList,
  type ExecutorListQuery,
  type ExecutorRunRequest,
  type ExecutorStarted,
  type ImportReport,
  type IndexView,
  type LiveView,
  type LogPage,
  type MaintenanceBody,
  type MaintenanceView,
  type MasterView,
  type MemberView,
  type MeView,
  type OpenApiView,
  type Page,
  type Permission,
  type PlanView,
  type ProjectFileView,
  type ProjectView,
  type RerunRequest,
  type RunHistory,
  type RunRequest,
  type RunState,
  type RunStats,
  type RunSubmitted,
  type RunView,
  type ScheduleBody,
  type ScheduleDetail,
  type SchedulePreview,
  type SchedulePreviewBody,
  type ScheduleTick,
  type ScheduleView,
  type SecretView,
  type SessionView,
  type SignInLink,
  type SystemView,
  type TaskGroupView,
  type TaskView,
  type TokenBody,
  type TokenCreated,
  type TokenView,
  type UserBody,
  type UserView,
  type WorkerDetail,
  type WorkerDrained,
  type WorkerGroupView,
  type WorkerView,
  type WorkflowDiff,
  type WorkflowListItem,
  type WorkflowSaved,
  type WorkflowValidated,
  type WorkflowVersionSummary,
  type WorkflowView,
} from '@pelorus/protocol/vocabulary';
import type { WatchOptions } from './event-stream.ts';
import type {
  AlertQuery,
  AttemptLogQuery,
  BackfillDatesQuery,
  BackfillListQuery,
  CommandOptions,
  CreateOptions,
  DeadlineListQuery,
  DefinitionInput,
  EventsQuery,
  Expected,
  FileChange,
  FollowQuery,
  ImportInput,
  LogQuery,
  PageQuery,
  RunListQuery,
  RunStatsQuery,
  ScheduleChange,
  ScheduleListQuery,
  TickQuery,
  WorkflowListQuery,
} from './queries.ts';
import {
  createOpener,
  createTransport,
  type ClientOptions,
  type Opener,
  type RequestOptions,
  type Transport,
} from './transport.ts';
import { followLogs, watchBackfill, watchChanges, watchRun, watchRuns } from './watch.ts';

export type { WatchOptions } from './event-stream.ts';
export type { ClientOptions, QueryValue, RequestOptions } from './transport.ts';
export type Client = ReturnType<typeof createClient>;

/**
 * A client of one server. Every method throws `ApiError` when the server refuses or cannot be reached,
 * and the signal's reason when `signal` is aborted.
 */
export function createClient(options: ClientOptions) {
  const send = createTransport(options);
  const open = createOpener(options);
  return {
    /** Any request, for paths that have no method here; gives the parsed JSON answer. */
    request: <Answer = unknown>(request: RequestOptions): Promise<Answer> => send<Answer>(request),
    system: (signal?: AbortSignal) => send<SystemView>(get('/system', signal)),
    /** Answers when the process lives. */
    live: (signal?: AbortSignal) => send<{ status: 'live' }>(get('/livez', signal)),
    /** Answers when requests can be served; `ApiError` 503 otherwise. */
    ready: (signal?: AbortSignal) => send<{ status: 'ready' }>(get('/readyz', signal)),
    /** Every route of the server. */
    index: (signal?: AbortSignal) => send<IndexView>(get('', signal)),
    /** The OpenAPI document of the server. */
    openApi: (signal?: AbortSignal) => send<OpenApiView>(get('/openapi.json', signal)),
    /** The JSON Schema of definitions. */
    workflowSchema: (signal?: AbortSignal) => send<Record<string, unknown>>(get('/schemas/workflow', signal)),
    workerProtocolSchema: (signal?: AbortSignal) =>
      send<Record<string, unknown>>(get('/schemas/worker-protocol', signal)),
    /** Who sends the requests, and what they may. */
    me: (signal?: AbortSignal) => send<MeView>(get('/me', signal)),
    /** Signs a browser in: the answer sets a cookie, which programs do not keep (`createTokenFor` is for them). */
    login: (body: { name: string; password: string } | { email: string; password: string }, signal?: AbortSignal) =>
      send<MeView>({ ...call('POST', '/login', signal), json: body }),
    /** As `login`, with the code of a sign-in link. */
    loginByCode: (code: string, signal?: AbortSignal) =>
      send<MeView>({ ...call('POST', '/login/code', signal), json: { code } }),
    /** Ends the browser's session. */
    logout: (signal?: AbortSignal) => send<undefined>(call('POST', '/logout', signal)),
    users: usersOf(send),
    tokens: {
      /** The own ones, or those of `user` for administrators. */
      list: (query: { user?: string } = {}, signal?: AbortSignal) =>
        send<Page<TokenView>>({ ...get('/tokens', signal), query: { ...query } }),
      /** Its secret is in this answer only. */
      create: (body: TokenBody, signal?: AbortSignal) =>
        send<TokenCreated>({ ...call('POST', '/tokens', signal), json: body }),
      /** Ends it; one that is restricted, with those that were made with it. */
      delete: (id: number, signal?: AbortSignal) => send<undefined>(call('DELETE', `/tokens/${id}`, signal)),
    },
    /** Changes and refusals, newest first. */
    audit: {
      list: (query: AuditQuery = {}, signal?: AbortSignal) =>
        send<Page<AuditView>>({ ...get('/audit', signal), query: { ...query } }),
    },
    projects: projectsOf(send, createOpener(options)),
    workflows: workflowsOf(send, open),
    runs: runsOf(send),
    attempts: {
      /** Some lines of the log; `total` is null where counting them would take long. */
      logs: (attemptId: string, query: AttemptLogQuery = {}, signal?: AbortSignal) =>
        send<AttemptLogPage>({ ...get(`/attempts/${enc(attemptId)}/logs`, signal), query: { ...query } }),
      /** The text of the whole log, as it comes. */
      downloadLogs: async (attemptId: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> => {
        const { body } = await open(get(`/attempts/${enc(attemptId)}/logs/download`, signal));
        return body ?? new Blob().stream();
      },
    },
    /**
     * What an attempt writes, line by line, until it has ended and all of its log was told. The connection may be lost and is taken
     * up again; no line is missing then, and none comes twice.
     */
    followLogs: (attemptId: string, query: FollowQuery = {}, watch: WatchOptions = {}) =>
      followLogs(open, attemptId, query, watch),
    taskGroups: taskGroupsOf(send),
    alertChannels: alertChannelsOf(send),
    /** What people have been told, newest first. */
    alerts: {
      list: (query: AlertQuery = {}, signal?: AbortSignal) =>
        send<Page<AlertView>>({ ...get('/alerts', signal), query: { ...query } }),
    },
    backfills: backfillsOf(send),
    schedules: schedulesOf(send),
    calendars: calendarsOf(send),
    /** Holds all schedules still. */
    maintenance: {
      get: (signal?: AbortSignal) => send<MaintenanceView>(get('/maintenance', signal)),
      put: (body: MaintenanceBody, signal?: AbortSignal) =>
        send<MaintenanceView>({ ...call('PUT', '/maintenance', signal), json: body }),
    },
    deadlines: deadlinesOf(send),
    bulk: bulkOf(send),
    workers: workersOf(send),
    masters: { list: (signal?: AbortSignal) => send<Page<MasterView>>(get('/masters', signal)) },
    workerGroups: workerGroupsOf(send),
    environments: environmentsOf(send),
    connections: connectionsOf(send),
    secrets: secretsOf(send),
    files: filesOf(send, open),
    executors: executorsOf(send),
    /**
     * What becomes of a run: a snapshot, then whatever changes, until it has ended. The connection may be lost and is taken up
     * again without a gap, or with a new snapshot.
     */
    watchRun: (id: number, watch: WatchOptions = {}) => watchRun(open, id, watch),
    /** How a backfill goes on, until it has ended. */
    watchBackfill: (id: number, watch: WatchOptions = {}) => watchBackfill(open, id, watch),
    /** Runs that are submitted or change, from now on; does not end by itself. */
    watchRuns: (query: { project?: string; workflow?: string; state?: RunState[] } = {}, watch: WatchOptions = {}) =>
      watchRuns(open, query, watch),
    /** Whatever changes of what it is about, from now on; does not end by itself. */
    watchChanges: (query: EventsQuery, watch: WatchOptions = {}) => watchChanges(open, query, watch),
  };
}

function usersOf(send: Transport) {
  const path = (name: string) => `/users/${enc(name)}`;
  return {
    list: (query: PageQuery = {}, signal?: AbortSignal) =>
      send<Page<UserView>>({ ...get('/users', signal), query: { ...query } }),
    get: (name: string, signal?: AbortSignal) => send<UserView>(get(path(name), signal)),
    /** Creates the user or changes what is given. */
    put: (name: string, body: UserBody = {}, signal?: AbortSignal) =>
      send<UserView>({ ...call('PUT', path(name), signal), json: body }),
    /** The own one with the present one, or as an administrator that of another user, whose sessions and tokens it ends. */
    setPassword: (name: string, body: { current?: string; new: string }, signal?: AbortSignal) =>
      send<undefined>({ ...call('POST', `${path(name)}/password`, signal), json: body }),
    /** Where the user is signed in, newest first. */
    sessions: (name: string, signal?: AbortSignal) => send<Page<SessionView>>(get(`${path(name)}/sessions`, signal)),
    endSession: (name: string, id: number, signal?: AbortSignal) =>
      send<undefined>(call('DELETE', `${path(name)}/sessions/${id}`, signal)),
    /** Opens a session once, within 15 minutes. */
    createSignInLink: (name: string, signal?: AbortSignal) =>
      send<SignInLink>(call('POST', `${path(name)}/sign-in-link`, signal)),
  };
}

function connectionsOf(send: Transport) {
  const all = (project: string) => `/projects/${enc(project)}/connections`;
  const path = (project: string, name: string) => `${all(project)}/${enc(name)}`;
  return {
    list: (project: string, query: PageQuery = {}, signal?: AbortSignal) =>
      send<Page<ConnectionView>>({ ...get(all(project), signal), query: { ...query } }),
    get: (project: string, name: string, signal?: AbortSignal) =>
      send<ConnectionView>(get(path(project, name), signal)),
    /** An address as it was shown, with `***` for its password, keeps that. */
    put: (project: string, name: string, body: ConnectionBody, signal?: AbortSignal) =>
      send<ConnectionView>({ ...call('PUT', path(project, name), signal), json: body }),
    delete: (project: string, name: string, signal?: AbortSignal) =>
      send<undefined>(call('DELETE', path(project, name), signal)),
    /** `select 1` on a worker, within 10 s. */
    test: (project: string, name: string, signal?: AbortSignal) =>
      send<ConnectionTested>(call('POST', `${path(project, name)}/test`, signal)),
  };
}

function secretsOf(send: Transport) {
  const all = (project: string) => `/projects/${enc(project)}/secrets`;
  const path = (project: string, name: string) => `${all(project)}/${enc(name)}`;
  return {
    /** Names; values are never given back. */
    list: (project: string, query: PageQuery = {}, signal?: AbortSignal) =>
      send<Page<SecretView>>({ ...get(all(project), signal), query: { ...query } }),
    get: (project: string, name: string, signal?: AbortSignal) => send<SecretView>(get(path(project, name), signal)),
    put: (project: string, name: string, body: { value: string }, signal?: AbortSignal) =>
      send<SecretView>({ ...call('PUT', path(project, name), signal), json: body }),
    delete: (project: string, name: string, signal?: AbortSignal) =>
      send<undefined>(call('DELETE', path(project, name), signal)),
  };
}

function filesOf(send: Transport, open: Opener) {
  const all = (project: string) => `/projects/${enc(project)}/files`;
  const path = (project: string, file: string) => `${all(project)}/${file.split('/').map(enc).join('/')}`;
  const condition = ({ ifMatch }: FileChange) =>
    ifMatch === undefined ? {} : { headers: { 'if-match': `"${ifMatch}"` } };
  return {
    list: (project: string, query: PageQuery = {}, signal?: AbortSignal) =>
      send<Page<ProjectFileView>>({ ...get(all(project), signal), query: { ...query } }),
    /** The bytes of a file. */
    get: async (project: string, file: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> =>
      new Uint8Array(await (await open(get(path(project, file), signal))).arrayBuffer()),
    /** Creates or overwrites it; 412 when it is not as `ifMatch` says. */
    put: (project: string, file: string, bytes: Uint8Array<ArrayBuffer>, change: FileChange = {}) =>
      send<ProjectFileView>({ ...call('PUT', path(project, file), change.signal), ...condition(change), body: bytes }),
    delete: (project: string, file: string, change: FileChange = {}) =>
      send<undefined>({ ...call('DELETE', path(project, file), change.signal), ...condition(change) }),
  };
}

function projectsOf(send: Transport, open: Opener) {
  const path = (name: string) => `/projects/${enc(name)}`;
  return {
    list: (signal?: AbortSignal) => send<Page<ProjectView>>(get('/projects', signal)),
    get: (name: string, signal?: AbortSignal) => send<ProjectView>(get(`/projects/${enc(name)}`, signal)),
    /** Creates the project when it is missing. */
    put: (name: string, body: { description?: string } = {}, signal?: AbortSignal) =>
      send<ProjectView>({ ...call('PUT', `/projects/${enc(name)}`, signal), json: body }),
    /** One without workflows and runs in progress. */
    delete: (name: string, signal?: AbortSignal) => send<undefined>(call('DELETE', path(name), signal)),
    /** The owner first. */
    members: (name: string, signal?: AbortSignal) => send<Page<MemberView>>(get(`${path(name)}/members`, signal)),
    putMember: (name: string, user: string, body: { perm: Permission }, signal?: AbortSignal) =>
      send<MemberView>({ ...call('PUT', `${path(name)}/members/${enc(user)}`, signal), json: body }),
    deleteMember: (name: string, user: string, signal?: AbortSignal) =>
      send<undefined>(call('DELETE', `${path(name)}/members/${enc(user)}`, signal)),
    /** Hands the project over; the owner so far stays as an editor. */
    setOwner: (name: string, user: string, signal?: AbortSignal) =>
      send<ProjectView>({ ...call('PUT', `${path(name)}/owner`, signal), json: { user } }),
    /** A zip of its workflows, or of those named, that `import` takes. */
    export: async (name: string, query: { workflows?: readonly string[] } = {}, signal?: AbortSignal) => {
      const { workflows } = query;
      const request = { ...get(`${path(name)}/export`, signal), query: { workflows: workflows?.join(',') } };
      return new Uint8Array(await (await open(request)).arrayBuffer());
    },
    /** All of the workflows or none: then the refusal has the `report`. */
    import: (name: string, input: ImportInput, options: { dryRun?: boolean; signal?: AbortSignal } = {}) =>
      send<ImportReport>({
        ...call('POST', `${path(name)}/import`, options.signal),
        query: { dryRun: options.dryRun },
        ...(input.format === 'zip'
          ? { body: input.bytes, contentType: 'application/zip' }
          : { body: input.source, contentType: `application/${input.format}` }),
      }),
  };
}

function workflowsOf(send: Transport, open: Opener) {
  const path = (project: string, name: string) => `/projects/${enc(project)}/workflows/${enc(name)}`;
  return {
    list: (query: WorkflowListQuery = {}, signal?: AbortSignal) =>
      send<Page<WorkflowListItem>>({ ...get('/workflows', signal), query: { ...query } }),
    get: (project: string, name: string, signal?: AbortSignal) => send<WorkflowView>(get(path(project, name), signal)),
    /** Creates the workflow or saves a new version; `ApiError` 422 lists everything that is wrong. The project must exist (`projects.put`). */
    save: (project: string, name: string, input: DefinitionInput, signal?: AbortSignal, expected: Expected = {}) =>
      send<WorkflowSaved>({
        ...call('PUT', path(project, name), signal),
        ...definitionBody(input),
        headers: expectation(expected),
      }),
    /** As `save`, without saving. */
    validate: (project: string, name: string, input: DefinitionInput, signal?: AbortSignal) =>
      send<WorkflowValidated>({ ...call('POST', `${path(project, name)}/validate`, signal), ...definitionBody(input) }),
    delete: (project: string, name: string, signal?: AbortSignal) =>
      send<undefined>(call('DELETE', path(project, name), signal)),
    /** Its last runs, newest first, each with the states of its tasks; at most 100, and 30,000 tasks, at a time. */
    history: (project: string, name: string, query: PageQuery = {}, signal?: AbortSignal) =>
      send<Page<RunHistory>>({ ...get(`${path(project, name)}/history`, signal), query: { ...query } }),
    versions: (project: string, name: string, signal?: AbortSignal) =>
      send<Page<WorkflowVersionSummary>>(get(`${path(project, name)}/versions`, signal)),
    version: (project: string, name: string, version: number, signal?: AbortSignal) =>
      send<WorkflowView>(get(`${path(project, name)}/versions/${version}`, signal)),
    diff: (project: string, name: string, versions: { from: number; to: number }, signal?: AbortSignal) =>
      send<WorkflowDiff>(get(`${path(project, name)}/versions/${versions.from}/diff/${versions.to}`, signal)),
    /** An earlier version becomes the latest; the same content makes none. */
    rollback: (project: string, name: string, version: number, signal?: AbortSignal, expected: Expected = {}) =>
      send<WorkflowSaved>({
        ...call('POST', `${path(project, name)}/rollback`, signal),
        json: { version },
        headers: expectation(expected),
      }),
    /** The text as it was written. */
    export: async (project: string, name: string, query: { version?: number } = {}, signal?: AbortSignal) =>
      (await open({ ...get(`${path(project, name)}/export`, signal), query: { ...query } })).text(),
  };
}

function runsOf(send: Transport) {
  const command = (id: number, action: string, { waitMs, signal }: CommandOptions) =>
    send<CommandAccepted>({ ...call('POST', `/runs/${id}/${action}`, signal), query: { wait: waitMs } });
  return {
    submit: (request: RunRequest, options: CreateOptions = {}) =>
      send<RunSubmitted>({ ...create('/runs', options), json: request }),
    /** What `submit` would execute; starts nothing. */
    preview: (request: RunRequest, signal?: AbortSignal) =>
      send<{ plan: PlanView }>({ ...call('POST', '/runs', signal), query: { dryRun: true }, json: request }),
    /** A new run of what did not succeed in one that has ended, or of a task and all behind it; the rest is reused. */
    rerun: (id: number, request: RerunRequest = {}, options: CreateOptions = {}) =>
      send<RunSubmitted>({ ...create(`/runs/${id}/rerun`, options), json: request }),
    /** What `rerun` would execute and reuse; starts nothing. */
    previewRerun: (id: number, request: RerunRequest = {}, signal?: AbortSignal) =>
      send<{ plan: PlanView }>({
        ...call('POST', `/runs/${id}/rerun`, signal),
        query: { dryRun: true },
        json: request,
      }),
    /** A new run of everything, with the same parameters and logical date. */
    repeat: (id: number, options: CreateOptions = {}) => send<RunSubmitted>(create(`/runs/${id}/repeat`, options)),
    list: (query: RunListQuery = {}, signal?: AbortSignal) =>
      send<Page<RunView>>({ ...get('/runs', signal), query: { ...query } }),
    /** How many were submitted in each span of time, by state. */
    stats: (query: RunStatsQuery = {}, signal?: AbortSignal) =>
      send<RunStats>({ ...get('/stats/runs', signal), query: { ...query } }),
    get: (id: number, signal?: AbortSignal) => send<RunView>(get(`/runs/${id}`, signal)),
    /** Every task of the definition in its order; all of them unless `limit` is given. */
    tasks: (id: number, query: PageQuery = {}, signal?: AbortSignal) =>
      send<Page<TaskView>>({ ...get(`/runs/${id}/tasks`, signal), query: { ...query } }),
    plan: (id: number, signal?: AbortSignal) => send<PlanView>(get(`/runs/${id}/plan`, signal)),
    live: (id: number, signal?: AbortSignal) => send<LiveView>(get(`/runs/${id}/live`, signal)),
    /** As the other commands: `ApiError` 409 with `state` when it cannot apply. */
    stop: (id: number, options: CommandOptions = {}) => command(id, 'stop', options),
    pause: (id: number, options: CommandOptions = {}) => command(id, 'pause', options),
    resume: (id: number, options: CommandOptions = {}) => command(id, 'resume', options),
    killTask: (id: number, task: string, options: CommandOptions = {}) =>
      command(id, `tasks/${enc(task)}/kill`, options),
    forceSuccess: (id: number, task: string, options: CommandOptions = {}) =>
      command(id, `tasks/${enc(task)}/force-success`, options),
  };
}

function backfillsOf(send: Transport) {
  return {
    submit: (request: BackfillRequest, options: CreateOptions = {}) =>
      send<BackfillSubmitted>({ ...create('/backfills', options), json: request }),
    /** The dates that `submit` would make runs for; makes nothing. */
    preview: (request: BackfillRequest, signal?: AbortSignal) =>
      send<BackfillPreview>({ ...call('POST', '/backfills', signal), query: { dryRun: true }, json: request }),
    list: (query: BackfillListQuery = {}, signal?: AbortSignal) =>
      send<Page<BackfillSummary>>({ ...get('/backfills', signal), query: { ...query } }),
    /** With the first dates, or those of a later page or in one state. */
    get: (id: number, query: BackfillDatesQuery = {}, signal?: AbortSignal) =>
      send<BackfillView>({ ...get(`/backfills/${id}`, signal), query: { ...query } }),
    /** No further date begins until it is resumed; runs go on. */
    pause: (id: number, signal?: AbortSignal) => send<BackfillView>(call('POST', `/backfills/${id}/pause`, signal)),
    resume: (id: number, signal?: AbortSignal) => send<BackfillView>(call('POST', `/backfills/${id}/resume`, signal)),
    /** With `leave` runs that go on are left alone. */
    stop: (id: number, query: { runs?: 'stop' | 'leave' } = {}, signal?: AbortSignal) =>
      send<BackfillView>({ ...call('POST', `/backfills/${id}/stop`, signal), query: { ...query } }),
    /** Begins dates again that did not succeed; `dates` absent: all of them. */
    retry: (
      id: number,
      query: { dates?: BackfillRetryName; continueAfterFailure?: boolean } = {},
      signal?: AbortSignal,
    ) => send<BackfillView>({ ...call('POST', `/backfills/${id}/retry`, signal), query: { ...query } }),
  };
}

function schedulesOf(send: Transport) {
  const path = (project: string, workflow: string, name: string) =>
    `/projects/${enc(project)}/workflows/${enc(workflow)}/schedules/${enc(name)}`;
  return {
    list: (query: ScheduleListQuery = {}, signal?: AbortSignal) =>
      send<Page<ScheduleView>>({ ...get('/schedules', signal), query: { ...query } }),
    /** When a schedule would fire, and what is wrong with it; stores nothing. */
    preview: (body: SchedulePreviewBody, signal?: AbortSignal) =>
      send<SchedulePreview>({ ...call('POST', '/schedules/preview', signal), json: body }),
    get: (project: string, workflow: string, name: string, signal?: AbortSignal) =>
      send<ScheduleDetail>(get(path(project, workflow, name), signal)),
    /** Creates or replaces it. */
    put: (
      project: string,
      workflow: string,
      name: string,
      body: ScheduleBody,
      { signal, ifRevision, mustBeNew }: ScheduleChange = {},
    ) =>
      send<ScheduleDetail>({
        ...call('PUT', path(project, workflow, name), signal),
        json: body,
        headers: expectation({
          ...(ifRevision === undefined ? {} : { ifMatch: `"${ifRevision}"` }),
          ...(mustBeNew === undefined ? {} : { mustBeNew }),
        }),
      }),
    delete: (project: string, workflow: string, name: string, signal?: AbortSignal) =>
      send<undefined>(call('DELETE', path(project, workflow, name), signal)),
    online: (project: string, workflow: string, name: string, signal?: AbortSignal) =>
      send<ScheduleDetail>(call('POST', `${path(project, workflow, name)}/online`, signal)),
    offline: (project: string, workflow: string, name: string, signal?: AbortSignal) =>
      send<ScheduleDetail>(call('POST', `${path(project, workflow, name)}/offline`, signal)),
    /** The next instants of one that is stored. */
    fires: (project: string, workflow: string, name: string, query: { count?: number } = {}, signal?: AbortSignal) =>
      send<SchedulePreview>({ ...get(`${path(project, workflow, name)}/preview`, signal), query: { ...query } }),
    /** What became of its ticks, the latest first. */
    ticks: (project: string, workflow: string, name: string, query: TickQuery = {}, signal?: AbortSignal) =>
      send<Page<ScheduleTick>>({ ...get(`${path(project, workflow, name)}/ticks`, signal), query: { ...query } }),
  };
}

function calendarsOf(send: Transport) {
  const path = (name: string) => `/calendars/${enc(name)}`;
  return {
    list: (signal?: AbortSignal) => send<Page<CalendarSummary>>(get('/calendars', signal)),
    get: (name: string, signal?: AbortSignal) => send<CalendarView>(get(path(name), signal)),
    put: (name: string, body: CalendarBody, signal?: AbortSignal) =>
      send<CalendarSaved>({ ...call('PUT', path(name), signal), json: body }),
    /** The days of an iCalendar or CSV text. `description` absent: as it is. */
    import: (
      name: string,
      input: { format: 'ics' | 'csv'; source: string; description?: string },
      signal?: AbortSignal,
    ) =>
      send<CalendarSaved>({
        ...call('PUT', path(name), signal),
        query: { description: input.description },
        body: input.source,
        contentType: input.format === 'ics' ? ICS_CONTENT_TYPE : CSV_CONTENT_TYPE,
      }),
    delete: (name: string, signal?: AbortSignal) => send<undefined>(call('DELETE', path(name), signal)),
  };
}

function deadlinesOf(send: Transport) {
  const all = (project: string, workflow: string) => `/projects/${enc(project)}/workflows/${enc(workflow)}/deadlines`;
  const path = (project: string, workflow: string, name: string) => `${all(project, workflow)}/${enc(name)}`;
  return {
    /** Of all workflows that one may read. */
    listAll: (query: DeadlineListQuery = {}, signal?: AbortSignal) =>
      send<Page<DeadlineView>>({ ...get('/deadlines', signal), query: { ...query } }),
    list: (project: string, workflow: string, signal?: AbortSignal) =>
      send<Page<DeadlineView>>(get(all(project, workflow), signal)),
    get: (project: string, workflow: string, name: string, signal?: AbortSignal) =>
      send<DeadlineView>(get(path(project, workflow, name), signal)),
    put: (project: string, workflow: string, name: string, body: DeadlineBody, signal?: AbortSignal) =>
      send<DeadlineView>({ ...call('PUT', path(project, workflow, name), signal), json: body }),
    delete: (project: string, workflow: string, name: string, signal?: AbortSignal) =>
      send<undefined>(call('DELETE', path(project, workflow, name), signal)),
  };
}

/** Operations on many runs. */
function bulkOf(send: Transport) {
  return {
    /** Carried out in the background; `get` says how far it is. */
    runs: (request: BulkRequest, options: CreateOptions = {}) =>
      send<BulkView>({ ...create('/bulk/runs', options), json: request }),
    /** What `runs` would do; does nothing. */
    preview: (request: BulkRequest, signal?: AbortSignal) =>
      send<BulkPreview>({ ...call('POST', '/bulk/runs', signal), query: { dryRun: true }, json: request }),
    list: (query: PageQuery = {}, signal?: AbortSignal) =>
      send<Page<BulkView>>({ ...get('/bulk', signal), query: { ...query } }),
    get: (id: number, query: PageQuery & { state?: BulkItemView['state'] } = {}, signal?: AbortSignal) =>
      send<BulkDetail>({ ...get(`/bulk/${id}`, signal), query: { ...query } }),
  };
}

function workersOf(send: Transport) {
  const path = (worker: string) => `/workers/${enc(worker)}`;
  return {
    list: (signal?: AbortSignal) => send<Page<WorkerView>>(get('/workers', signal)),
    /** By id, or the latest start by name. */
    get: (worker: string, signal?: AbortSignal) => send<WorkerDetail>(get(path(worker), signal)),
    /** It gets nothing new, also when it is started again, until `undrain`; what it runs goes on. */
    drain: (worker: string, body: { reason?: string } = {}, signal?: AbortSignal) =>
      send<WorkerDrained>({ ...call('POST', `${path(worker)}/drain`, signal), json: body }),
    undrain: (worker: string, signal?: AbortSignal) =>
      send<WorkerDrained>(call('POST', `${path(worker)}/undrain`, signal)),
  };
}

function workerGroupsOf(send: Transport) {
  const path = (name: string) => `/worker-groups/${enc(name)}`;
  return {
    list: (signal?: AbortSignal) => send<Page<WorkerGroupView>>(get('/worker-groups', signal)),
    get: (name: string, signal?: AbortSignal) => send<WorkerGroupView>(get(path(name), signal)),
    /** Describes it; which workers belong to it is settled where they are started. */
    put: (name: string, body: { description?: string } = {}, signal?: AbortSignal) =>
      send<WorkerGroupView>({ ...call('PUT', path(name), signal), json: body }),
    delete: (name: string, signal?: AbortSignal) => send<undefined>(call('DELETE', path(name), signal)),
  };
}

function environmentsOf(send: Transport) {
  const path = (name: string) => `/environments/${enc(name)}`;
  return {
    list: (signal?: AbortSignal) => send<Page<EnvironmentView>>(get('/environments', signal)),
    get: (name: string, signal?: AbortSignal) => send<EnvironmentView>(get(path(name), signal)),
    put: (name: string, body: EnvironmentBody, signal?: AbortSignal) =>
      send<EnvironmentView>({ ...call('PUT', path(name), signal), json: body }),
    delete: (name: string, signal?: AbortSignal) => send<undefined>(call('DELETE', path(name), signal)),
  };
}

function taskGroupsOf(send: Transport) {
  const path = (name: string) => `/task-groups/${enc(name)}`;
  return {
    list: (signal?: AbortSignal) => send<Page<TaskGroupView>>(get('/task-groups', signal)),
    get: (name: string, signal?: AbortSignal) => send<TaskGroupView>(get(path(name), signal)),
    /** Creates it or changes its size. */
    put: (name: string, body: { size: number }, signal?: AbortSignal) =>
      send<TaskGroupView>({ ...call('PUT', path(name), signal), json: body }),
    delete: (name: string, signal?: AbortSignal) => send<undefined>(call('DELETE', path(name), signal)),
  };
}

function alertChannelsOf(send: Transport) {
  const path = (name: string) => `/alert-channels/${enc(name)}`;
  return {
    list: (signal?: AbortSignal) => send<Page<AlertChannelView>>(get('/alert-channels', signal)),
    get: (name: string, signal?: AbortSignal) => send<AlertChannelView>(get(path(name), signal)),
    /** Creates or replaces it; `secret` is in the answer only when it was made for it. */
    put: (name: string, body: AlertChannelBody, signal?: AbortSignal) =>
      send<AlertChannelView>({ ...call('PUT', path(name), signal), json: body }),
    delete: (name: string, signal?: AbortSignal) => send<undefined>(call('DELETE', path(name), signal)),
    /** Sends a test through it. */
    test: (name: string, signal?: AbortSignal) => send<AlertTested>(call('POST', `${path(name)}/test`, signal)),
  };
}

/** The published `/executors` contract, literally. */
function executorsOf(send: Transport) {
  return {
    run: (request: ExecutorRunRequest, options: CreateOptions = {}) =>
      send<ExecutorStarted>({ ...create('/executors', options), json: request }),
    runDirect: (request: ExecutorDirectRequest, options: CreateOptions = {}) =>
      send<ExecutorDirectStarted>({ ...create('/executors/direct', options), body: directForm(request) }),
    list: (query: ExecutorListQuery = {}, signal?: AbortSignal) =>
      send<ExecutorList>({ ...get('/executors', signal), query: executorQuery(query) }),
    /** An array holding one object, as published. */
    get: (execId: number, signal?: AbortSignal) => send<[ExecutorDetail]>(get(`/executors/${execId}`, signal)),
    logs: (jobId: string, query: LogQuery = {}, signal?: AbortSignal) =>
      send<LogPage>({ ...get(`/executors/${enc(jobId)}/logs`, signal), query: { ...query } }),
    /** The run as its master has it in memory, in the published form. `project` is its name or its number. */
    queryExecuting: (project: string | number, id: number, signal?: AbortSignal) =>
      send<ExecutingAnswer>({
        ...get(`/projects/${enc(String(project))}/executors/query-executing-workflow`, signal),
        query: { id },
      }),
    kill: (execId: number, { waitMs, signal }: CommandOptions = {}) =>
      send<ExecutorKilled>({ ...call('POST', `/executors/${execId}/kill`, signal), query: { wait: waitMs } }),
  };
}

function definitionBody(input: DefinitionInput): Pick<RequestOptions, 'body' | 'contentType'> {
  if ('files' in input) return { body: JSON.stringify(input), contentType: BUNDLE_CONTENT_TYPE };
  return { body: input.source, contentType: `application/${input.format}` };
}

/** Arrays and objects travel as JSON text. */
function executorQuery(query: ExecutorListQuery): Record<string, string | number | undefined> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? JSON.stringify(value) : value]),
  );
}

function directForm(request: ExecutorDirectRequest): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(request)) {
    if (value === undefined) continue;
    if (value instanceof Uint8Array)
      form.set(name, new Blob([value as Uint8Array<ArrayBuffer>], { type: 'application/zip' }), 'workflow.zip');
    else form.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  return form;
}

function expectation({ ifMatch, mustBeNew }: Expected): Record<string, string> {
  return {
    ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    ...(mustBeNew === true ? { 'if-none-match': '*' } : {}),
  };
}

function get(path: string, signal: AbortSignal | undefined): RequestOptions {
  return call('GET', path, signal);
}

function call(method: string, path: string, signal: AbortSignal | undefined): RequestOptions {
  return { method, path, ...(signal === undefined ? {} : { signal }) };
}

function create(path: string, { idempotencyKey, signal }: CreateOptions): RequestOptions {
  const headers: Record<string, string> = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
  return { ...call('POST', path, signal), headers };
}

function enc(text: string): string {
  return encodeURIComponent(text);
}
