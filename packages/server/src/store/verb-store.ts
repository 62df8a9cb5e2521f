/** The port over verbs: everything between the callers' records and rows, whatever database executes the verbs. */
import { setImmediate } from 'node:timers/promises';
import { upstreamFactOfRun, upstreamFactOfTask } from '@pelorus/engine';
import type {
  Change,
  Command,
  PermitAsk,
  PermitKey,
  StoredRun,
  UpstreamFact,
  UpstreamQuery,
  WorkerRecord,
  WorkflowVersion,
  AttemptRecord,
  TaskRunRecord,
} from '@pelorus/engine';
import { commandIdOf, parseAttemptId, runIdOf } from '@pelorus/protocol';
import type { AttemptId, CommandId, LogGap, RunId, WorkerId, WorkflowDefinition } from '@pelorus/protocol';
import type {
  BackfillDateFilter,
  BackfillDateRow,
  BackfillFilter,
  BackfillRow,
  BulkItem,
  BulkOperation,
  EnvironmentRow,
  FoundSubmission,
  LastRun,
  MasterPlace,
  MasterRow,
  NewBackfill,
  NewBulkOperation,
  QueuedTasks,
  RequestKey,
  RunHead,
  SettledBulkItem,
  WorkerAttempt,
  WorkerDrain,
  WorkerGroupRow,
  WorkflowPageFilter,
  WorkflowUpstreams,
} from './operations-port.ts';
import type { AccessStore } from './access-port.ts';
import { auditing } from './auditing-writer.ts';
import type { Contact } from './contact.ts';
import type {
  AlertChannel,
  AlertChannelRow,
  AlertDelivery,
  AlertFilter,
  AuditStamp,
  ChildRunRow,
  CommandRow,
  FairClaim,
  Fence,
  NewRun,
  ProjectRow,
  RunDetail,
  RunFilter,
  RunPage,
  RunRow,
  RunStatsRequest,
  RunStatsSpan,
  SavedWorkflow,
  SaveWorkflow,
  Store,
  TaskGroupRow,
  StoreTimeline,
  TaskGroupUsage,
  WorkflowFilter,
  WorkflowRow,
  WorkflowText,
  WorkflowVersionRow,
} from './port.ts';
import type {
  CalendarHead,
  CalendarRow,
  DeadlineFilter,
  DeadlineRow,
  FiredTicks,
  MaintenanceRow,
  SaveDeadline,
  SaveSchedule,
  ScheduleFilter,
  ScheduleRow,
  TickFilter,
  TickRow,
} from './schedules-port.ts';
import type { Changes, ChangesRequest } from './events-port.ts';
import type { StoredLog } from './log-port.ts';
import type { VisibleProjects } from './projects-port.ts';
import type { ReadVerbs, RunTexts, WorkflowVersionText } from './read-verbs.ts';
import {
  decodeAttempt,
  COMMAND_COLUMNS,
  decodeCommand,
  decodeListedRun,
  decodeRun,
  decodeTaskRun,
  decodeWorker,
  encodeChanges,
  encodeNewRun,
  encodeTaskRun,
  parseRows,
} from './rows.ts';
import type { Cell } from './rows.ts';
import { taskGroupMembersOf } from './task-groups.ts';
import type { Sql } from './database.ts';
import type { RequestOf, VerbAnswer } from './thread-channel.ts';
import type { UpstreamRun } from './upstream-facts.ts';
import type {
  ConnectionRow,
  FileOutcome,
  NamePage,
  ProjectFileRow,
  ProjectVaultRows,
  SealedRow,
  SecretRow,
} from './vault-port.ts';
import type { LatestVersion, SaveTogether } from './transfer-port.ts';
import type { SaveWorkflowRequest, WriteVerbs } from './write-verbs.ts';

/** Where verbs are executed: a thread with SQLite, a pool of connections to PostgreSQL. */
export interface VerbCaller<V extends Record<string, (context: never, request: never) => Sql<unknown>>> {
  call<Name extends keyof V & string>(verb: Name, request: RequestOf<V[Name]>): Promise<VerbAnswer<V[Name]>>;
}

export interface VerbCallers {
  writer: VerbCaller<WriteVerbs>;
  people: VerbCaller<ReadVerbs>;
  master: VerbCaller<ReadVerbs>;
  listen?: NonNullable<Store['listen']>;
  keepLease?: NonNullable<Store['keepLease']>;
  contact: Pick<Contact, 'silentMs'>;
  close: () => Promise<void>;
}

/** The store over whatever executes its verbs; packs and unpacks, holds no SQL. */
export class VerbStore implements Store {
  readonly #writer: VerbCaller<WriteVerbs>;
  readonly #people: VerbCaller<ReadVerbs>;
  readonly #master: VerbCaller<ReadVerbs>;
  readonly #callers: VerbCallers;
  readonly listen?: NonNullable<Store['listen']>;
  readonly keepLease?: NonNullable<Store['keepLease']>;

  constructor(callers: VerbCallers) {
    this.#writer = callers.writer;
    this.#people = callers.people;
    this.#master = callers.master;
    this.#callers = callers;
    if (callers.listen) this.listen = callers.listen;
    if (callers.keepLease) this.keepLease = callers.keepLease;
  }

  get silentMs(): number {
    return this.#callers.contact.silentMs;
  }

  audited(stamp: () => AuditStamp): Store {
    return new VerbStore({ ...this.#callers, writer: auditing(this.#writer, stamp) });
  }

  ensureProject(project: { name: string; description: string; owner: string; at: number }): Promise<ProjectRow> {
    return this.#writer.call('ensureProject', project);
  }

  listProjects(filter: VisibleProjects = {}): Promise<ProjectRow[]> {
    return this.#people.call('listProjects', filter);
  }

  findProject(name: string): Promise<ProjectRow | null> {
    return this.#people.call('findProject', name);
  }

  createProject(project: Parameters<Store['createProject']>[0]): Promise<ProjectRow> {
    return this.#writer.call('createProject', project);
  }

  changeProject(project: number, { description }: { description: string }): Promise<ProjectRow> {
    return this.#writer.call('changeProject', { project, description });
  }

  async deleteProject(project: number, user: string, at: number): Promise<void> {
    await this.#writer.call('deleteProject', { project, user, at });
  }

  projectsOfRuns(runs: readonly RunId[]): Promise<Map<number, number>> {
    return this.#people.call('projectsOfRuns', runs);
  }

  saveWorkflow(save: SaveWorkflow): Promise<SavedWorkflow> {
    return this.#writer.call('saveWorkflow', saveRequestOf(save));
  }

  async saveTogether(request: SaveTogether): Promise<SavedWorkflow[]> {
    const workflows: SaveWorkflowRequest[] = [];
    for (const save of request.workflows) {
      // Definitions may be large, and many: others get their turns between them.
      await setImmediate();
      workflows.push(saveRequestOf(save));
    }
    const { projectId, files, user, at, limits } = request;
    return this.#writer.call('saveTogether', { workflows, files: { projectId, files, user, at, limits } });
  }

  listLatestVersions(
    projectId: number,
    filter: { names: readonly string[] | null; limit: number },
  ): Promise<LatestVersion[]> {
    return this.#people.call('listLatestVersions', { projectId, ...filter });
  }

  contentSizes(sha256s: readonly string[]): Promise<Map<string, number>> {
    return this.#people.call('contentSizes', sha256s);
  }

  getWorkflow(project: string, name: string): Promise<WorkflowRow | null> {
    return this.#people.call('getWorkflow', { project, name });
  }

  listWorkflows(filter: WorkflowFilter): Promise<WorkflowRow[]> {
    return this.#people.call('listWorkflows', filter);
  }

  listWorkflowVersions(workflowId: number): Promise<Omit<WorkflowVersionRow, 'definition' | 'files' | 'source'>[]> {
    return this.#people.call('listWorkflowVersions', workflowId);
  }

  async getWorkflowVersion(workflowId: number, version: number | null): Promise<WorkflowVersionRow | null> {
    const found = await this.#people.call('getWorkflowVersion', { workflowId, version });
    return found && { ...found, definition: parseDefinition(found) };
  }

  getWorkflowText(workflowId: number, version: number): Promise<WorkflowText | null> {
    return this.#people.call('getWorkflowText', { workflowId, version });
  }

  async deleteWorkflow(workflowId: number, user: string, at: number): Promise<void> {
    await this.#writer.call('deleteWorkflow', { workflowId, user, at });
  }

  saveSecret(secret: Parameters<Store['saveSecret']>[0]): Promise<{ secret: SecretRow; created: boolean }> {
    return this.#writer.call('saveSecret', secret);
  }

  listSecrets(projectId: number, page: NamePage): Promise<SecretRow[]> {
    return this.#people.call('listSecrets', { projectId, page });
  }

  getSecret(projectId: number, name: string): Promise<SecretRow | null> {
    return this.#people.call('getSecret', { projectId, name });
  }

  async deleteSecret(projectId: number, name: string): Promise<void> {
    await this.#writer.call('deleteSecret', { projectId, name });
  }

  saveConnection(
    connection: Parameters<Store['saveConnection']>[0],
  ): Promise<{ connection: ConnectionRow; created: boolean }> {
    return this.#writer.call('saveConnection', connection);
  }

  listConnections(projectId: number, page: NamePage): Promise<ConnectionRow[]> {
    return this.#people.call('listConnections', { projectId, page });
  }

  getConnection(projectId: number, name: string): Promise<ConnectionRow | null> {
    return this.#people.call('getConnection', { projectId, name });
  }

  async deleteConnection(projectId: number, name: string): Promise<void> {
    await this.#writer.call('deleteConnection', { projectId, name });
  }

  saveProjectFile(
    file: Parameters<Store['saveProjectFile']>[0],
  ): Promise<FileOutcome<{ file: ProjectFileRow; created: boolean }>> {
    return this.#writer.call('saveProjectFile', file);
  }

  listProjectFiles(projectId: number, page: NamePage): Promise<ProjectFileRow[]> {
    return this.#people.call('listProjectFiles', { projectId, page });
  }

  findProjectFiles(projectId: number, paths: readonly string[]): Promise<ProjectFileRow[]> {
    return this.#people.call('findProjectFiles', { projectId, paths });
  }

  deleteProjectFile(file: Parameters<Store['deleteProjectFile']>[0]): Promise<FileOutcome> {
    return this.#writer.call('deleteProjectFile', file);
  }

  readContent(sha256: string, from: number, sizeBytes: number): Promise<Uint8Array | null> {
    return this.#people.call('readContent', { sha256, from, sizeBytes });
  }

  loadVault(projectId: number, known: number | null): Promise<ProjectVaultRows | null> {
    return this.#master.call('loadVault', { projectId, known });
  }

  loadContents(sha256s: readonly string[]): Promise<Map<string, string>> {
    return this.#master.call('loadContents', sha256s);
  }

  listSealed(after: Parameters<Store['listSealed']>[0], limit: number): Promise<SealedRow[]> {
    return this.#people.call('listSealed', { after, limit });
  }

  reseal(changes: Parameters<Store['reseal']>[0]): Promise<number> {
    return this.#writer.call('reseal', changes);
  }

  async purgeFreed(): Promise<void> {
    await this.#writer.call('purgeFreed', undefined);
  }

  async submitRun(run: NewRun): Promise<{ run: StoredRun['spec']; command: CommandId; repeated: boolean }> {
    const taskRuns: Cell[] = [];
    for (const record of run.tasks) encodeTaskRun(taskRuns, record, 0);
    const { workflowVersion, idempotencyKey, requestHash = null } = run;
    const answer = await this.#writer.call('submitRun', {
      making: encodeNewRun(run),
      workflowVersion,
      idempotencyKey,
      requestHash,
      taskRuns,
    });
    return { run: decodeRun(answer.run).spec, command: commandIdOf(answer.command), repeated: answer.repeated };
  }

  async requestCommand(request: Parameters<Store['requestCommand']>[0]): Promise<CommandId> {
    return commandIdOf(await this.#writer.call('requestCommand', request));
  }

  async getRun(run: RunId): Promise<RunRow | null> {
    return parseRows(await this.#people.call('getRun', run)).map(decodeRun)[0] ?? null;
  }

  async getRunDetail(run: RunId): Promise<RunDetail | null> {
    return runsOf(await this.#people.call('getRunDetail', run))[0] ?? null;
  }

  async getAttempt(attempt: AttemptId): Promise<AttemptRecord | null> {
    const key = parseAttemptId(attempt);
    return key ? (parseRows(await this.#people.call('getAttempt', key)).map(decodeAttempt)[0] ?? null) : null;
  }

  getCommand(command: CommandId): Promise<CommandRow | null> {
    return this.#people.call('getCommand', command);
  }

  listChildRuns(run: RunId, limit: number): Promise<ChildRunRow[]> {
    return this.#people.call('listChildRuns', { run, limit });
  }

  async listRuns(filter: RunFilter, from: number, size: number, options: { counted?: boolean } = {}): Promise<RunPage> {
    const page = await this.#people.call('listRuns', { filter, from, size, ...options });
    return { total: page.total, rows: parseRows(page.runs).map(decodeListedRun) };
  }

  runStats(request: RunStatsRequest): Promise<RunStatsSpan[]> {
    return this.#people.call('runStats', request);
  }

  async runChanges(run: RunId, version: number): Promise<RunDetail | null> {
    return runsOf(await this.#people.call('runChanges', { run, version }))[0] ?? null;
  }

  runVersion(run: RunId): Promise<number | null> {
    return this.#people.call('runVersion', run);
  }

  async changesSince(request: ChangesRequest): Promise<Changes> {
    const { runs, runPositions, ...others } = await this.#people.call('changesSince', request);
    return {
      ...others,
      runs: parseRows(runs).map((row, i) => ({ ...decodeListedRun(row), changed: runPositions[i]! })),
    };
  }

  changesPosition(): Promise<number> {
    return this.#people.call('changesPosition', undefined);
  }

  countTaskRuns(run: RunId): Promise<Partial<Record<TaskRunRecord['state'], number>>> {
    return this.#people.call('countTaskRuns', run);
  }

  countTaskRunsOf(runs: RunId[]): ReturnType<Store['countTaskRunsOf']> {
    return this.#people.call('countTaskRunsOf', runs);
  }

  async taskRunsOf(runs: RunId[]): Promise<Map<RunId, TaskRunRecord[]>> {
    const records = parseRows(await this.#people.call('taskRunsOf', runs)).map(decodeTaskRun);
    return Map.groupBy(records, (record) => record.run);
  }

  async listWorkers(): Promise<WorkerRecord[]> {
    return parseRows(await this.#people.call('listWorkers', undefined)).map(decodeWorker);
  }

  taskDurations(workflowId: number, limit: number): Promise<Map<string, number>> {
    return this.#people.call('taskDurations', { workflowId, limit });
  }

  saveTaskGroup(group: { name: string; size: number; user: string; at: number }): Promise<TaskGroupRow> {
    return this.#writer.call('saveTaskGroup', group);
  }

  listTaskGroups(): Promise<TaskGroupUsage[]> {
    return this.#people.call('listTaskGroups', undefined);
  }

  async deleteTaskGroup(name: string): Promise<void> {
    await this.#writer.call('deleteTaskGroup', name);
  }

  saveAlertChannel(channel: Parameters<Store['saveAlertChannel']>[0]): Promise<AlertChannelRow> {
    return this.#writer.call('saveAlertChannel', channel);
  }

  listAlertChannels(): Promise<AlertChannelRow[]> {
    return this.#people.call('listAlertChannels', undefined);
  }

  async deleteAlertChannel(name: string): Promise<void> {
    await this.#writer.call('deleteAlertChannel', name);
  }

  listAlerts(filter: AlertFilter): Promise<AlertDelivery[]> {
    return this.#people.call('listAlerts', filter);
  }

  claimAlerts(at: number, leaseMs: number, limit: number): Promise<AlertDelivery[]> {
    return this.#writer.call('claimAlerts', { at, leaseMs, limit });
  }

  nextAlertAt(): Promise<number | null> {
    return this.#people.call('nextAlertAt', undefined);
  }

  async settleAlert(delivery: number, outcome: Parameters<Store['settleAlert']>[1]): Promise<void> {
    await this.#writer.call('settleAlert', { delivery, outcome });
  }

  loadAlertChannel(name: string): Promise<AlertChannel | null> {
    return this.#people.call('loadAlertChannel', name);
  }

  createBackfill(
    backfill: NewBackfill,
    key: RequestKey,
  ): Promise<{ backfill: BackfillRow; repeated: boolean; runs: RunId[] }> {
    return this.#writer.call('createBackfill', { backfill, key });
  }

  getBackfill(id: number): Promise<BackfillRow | null> {
    return this.#people.call('getBackfill', id);
  }

  listBackfills(filter: BackfillFilter): Promise<BackfillRow[]> {
    return this.#people.call('listBackfills', filter);
  }

  listBackfillDates(id: number, filter: BackfillDateFilter): Promise<BackfillDateRow[]> {
    return this.#people.call('listBackfillDates', { id, filter });
  }

  stopBackfill(request: Parameters<Store['stopBackfill']>[0]): Promise<BackfillRow> {
    return this.#writer.call('stopBackfill', request);
  }

  pauseBackfill(request: Parameters<Store['pauseBackfill']>[0]): Promise<BackfillRow> {
    return this.#writer.call('pauseBackfill', request);
  }

  resumeBackfill(request: Parameters<Store['resumeBackfill']>[0]): Promise<BackfillRow> {
    return this.#writer.call('resumeBackfill', request);
  }

  retryBackfill(request: Parameters<Store['retryBackfill']>[0]): Promise<BackfillRow> {
    return this.#writer.call('retryBackfill', request);
  }

  listUpstreams(filter: { after: number; limit: number }): Promise<WorkflowUpstreams[]> {
    return this.#people.call('listUpstreams', filter);
  }

  createBulkOperation(
    operation: NewBulkOperation,
    key: RequestKey,
  ): Promise<{ operation: BulkOperation; repeated: boolean }> {
    return this.#writer.call('createBulkOperation', { operation, key });
  }

  getBulkOperation(id: number): Promise<BulkOperation | null> {
    return this.#people.call('getBulkOperation', id);
  }

  listBulkOperations(filter: { user: string | null; before?: number; limit: number }): Promise<BulkOperation[]> {
    return this.#people.call('listBulkOperations', filter);
  }

  listBulkItems(
    operation: number,
    filter: { after?: number; state?: BulkItem['state']; limit: number },
  ): Promise<BulkItem[]> {
    return this.#people.call('listBulkItems', { operation, filter });
  }

  claimBulkOperation(holder: string, at: number, leaseMs: number): Promise<BulkOperation | null> {
    return this.#writer.call('claimBulkOperation', { holder, at, leaseMs });
  }

  settleBulkItems(
    operation: number,
    holder: string,
    settled: { items: SettledBulkItem[]; at: number; leaseMs: number },
  ): Promise<boolean> {
    return this.#writer.call('settleBulkItems', { operation, holder, settled });
  }

  listRunHeads(runs: RunId[]): Promise<RunHead[]> {
    return this.#people.call('listRunHeads', runs);
  }

  findSubmission(user: string, key: RequestKey, at: number): Promise<FoundSubmission | null> {
    return this.#people.call('findSubmission', { user, key, at });
  }

  drainWorker(drain: { name: string; reason: string; user: string; at: number }): Promise<WorkerDrain> {
    return this.#writer.call('drainWorker', drain);
  }

  undrainWorker(name: string): Promise<boolean> {
    return this.#writer.call('undrainWorker', name);
  }

  listWorkerDrains(): Promise<WorkerDrain[]> {
    return this.#people.call('listWorkerDrains', undefined);
  }

  listWorkerAttempts(worker: string, limit: number): Promise<WorkerAttempt[]> {
    return this.#people.call('listWorkerAttempts', { worker, limit });
  }

  listMasters(limit: number): Promise<MasterRow[]> {
    return this.#people.call('listMasters', limit);
  }

  masterOf(run: RunId): Promise<MasterPlace | null> {
    return this.#people.call('masterOf', run);
  }

  listMasterPlaces(limit: number): Promise<MasterPlace[]> {
    return this.#people.call('listMasterPlaces', limit);
  }

  saveWorkerGroup(group: { name: string; description: string; user: string; at: number }): Promise<WorkerGroupRow> {
    return this.#writer.call('saveWorkerGroup', group);
  }

  listWorkerGroups(): Promise<WorkerGroupRow[]> {
    return this.#people.call('listWorkerGroups', undefined);
  }

  async deleteWorkerGroup(name: string): Promise<void> {
    await this.#writer.call('deleteWorkerGroup', name);
  }

  listQueuedTasks(limit: number): Promise<QueuedTasks[]> {
    return this.#people.call('listQueuedTasks', limit);
  }

  saveEnvironment(environment: Parameters<Store['saveEnvironment']>[0]): Promise<EnvironmentRow> {
    return this.#writer.call('saveEnvironment', environment);
  }

  listEnvironments(): Promise<EnvironmentRow[]> {
    return this.#people.call('listEnvironments', undefined);
  }

  async deleteEnvironment(name: string): Promise<void> {
    await this.#writer.call('deleteEnvironment', name);
  }

  pageWorkflows(filter: WorkflowPageFilter): Promise<WorkflowRow[]> {
    return this.#people.call('pageWorkflows', filter);
  }

  lastRuns(workflowIds: number[], count: number): Promise<LastRun[]> {
    return this.#people.call('lastRuns', { workflowIds, count });
  }

  loadDrainedWorkers(): Promise<string[]> {
    return this.#master.call('loadDrainedWorkers', undefined);
  }

  loadEnvironments(names: string[]): Promise<{ name: string; variables: Record<string, string> }[]> {
    return this.#master.call('loadEnvironments', names);
  }

  grantsOf(user: string): ReturnType<AccessStore['grantsOf']> {
    return this.#people.call('grantsOf', user);
  }

  getUser(name: string): ReturnType<AccessStore['getUser']> {
    return this.#people.call('getUser', name);
  }

  findSignIn(login: Parameters<AccessStore['findSignIn']>[0]): ReturnType<AccessStore['findSignIn']> {
    return this.#people.call('findSignIn', login);
  }

  listUsers(filter: Parameters<AccessStore['listUsers']>[0]): ReturnType<AccessStore['listUsers']> {
    return this.#people.call('listUsers', filter);
  }

  findSession(hash: string): ReturnType<AccessStore['findSession']> {
    return this.#people.call('findSession', hash);
  }

  listSessions(user: string): ReturnType<AccessStore['listSessions']> {
    return this.#people.call('listSessions', user);
  }

  findToken(hash: string): ReturnType<AccessStore['findToken']> {
    return this.#people.call('findToken', hash);
  }

  getToken(id: number): ReturnType<AccessStore['getToken']> {
    return this.#people.call('getToken', id);
  }

  listTokens(user: string): ReturnType<AccessStore['listTokens']> {
    return this.#people.call('listTokens', user);
  }

  listMembers(projectId: number): ReturnType<AccessStore['listMembers']> {
    return this.#people.call('listMembers', projectId);
  }

  listAudit(filter: Parameters<AccessStore['listAudit']>[0]): ReturnType<AccessStore['listAudit']> {
    return this.#people.call('listAudit', filter);
  }

  saveUser(request: Parameters<AccessStore['saveUser']>[0]): ReturnType<AccessStore['saveUser']> {
    return this.#writer.call('saveUser', request);
  }

  createSession(request: Parameters<AccessStore['createSession']>[0]): ReturnType<AccessStore['createSession']> {
    return this.#writer.call('createSession', request);
  }

  createToken(request: Parameters<AccessStore['createToken']>[0]): ReturnType<AccessStore['createToken']> {
    return this.#writer.call('createToken', request);
  }

  redeemSignInLink(
    request: Parameters<AccessStore['redeemSignInLink']>[0],
  ): ReturnType<AccessStore['redeemSignInLink']> {
    return this.#writer.call('redeemSignInLink', request);
  }

  takeTry(request: Parameters<AccessStore['takeTry']>[0]): ReturnType<AccessStore['takeTry']> {
    return this.#writer.call('takeTry', request);
  }

  saveMember(request: Parameters<AccessStore['saveMember']>[0]): ReturnType<AccessStore['saveMember']> {
    return this.#writer.call('saveMember', request);
  }

  async setPassword(request: Parameters<AccessStore['setPassword']>[0]): Promise<void> {
    await this.#writer.call('setPassword', request);
  }

  async touchSession(request: Parameters<AccessStore['touchSession']>[0]): Promise<void> {
    await this.#writer.call('touchSession', request);
  }

  async endSession(request: Parameters<AccessStore['endSession']>[0]): Promise<void> {
    await this.#writer.call('endSession', request);
  }

  async touchToken(request: Parameters<AccessStore['touchToken']>[0]): Promise<void> {
    await this.#writer.call('touchToken', request);
  }

  async deleteToken(request: Parameters<AccessStore['deleteToken']>[0]): Promise<void> {
    await this.#writer.call('deleteToken', request);
  }

  async createSignInLink(request: Parameters<AccessStore['createSignInLink']>[0]): Promise<void> {
    await this.#writer.call('createSignInLink', request);
  }

  async forgiveTry(request: Parameters<AccessStore['forgiveTry']>[0]): Promise<void> {
    await this.#writer.call('forgiveTry', request);
  }

  async deleteMember(request: Parameters<AccessStore['deleteMember']>[0]): Promise<void> {
    await this.#writer.call('deleteMember', request);
  }

  async setProjectOwner(request: Parameters<AccessStore['setProjectOwner']>[0]): Promise<void> {
    await this.#writer.call('setProjectOwner', request);
  }

  async writeAudit(request: Parameters<AccessStore['writeAudit']>[0]): Promise<void> {
    await this.#writer.call('writeAudit', request);
  }

  appendLog(attempt: AttemptId, offset: number, bytes: Uint8Array): Promise<number> {
    return this.#writer.call('appendLog', { attempt, offset, bytes });
  }

  markLogGap(attempt: AttemptId, gap: LogGap): Promise<number> {
    return this.#writer.call('markLogGap', { attempt, gap });
  }

  completeLog(attempt: AttemptId, total: number): Promise<number> {
    return this.#writer.call('completeLog', { attempt, total });
  }

  dropLogChunks(request: Parameters<Store['dropLogChunks']>[0]): Promise<number> {
    return this.#writer.call('dropLogChunks', request);
  }

  statLog(attempt: AttemptId): Promise<StoredLog | null> {
    return this.#people.call('statLog', attempt);
  }

  readLog(attempt: AttemptId, offset: number, length: number): Promise<Uint8Array> {
    return this.#people.call('readLog', { attempt, offset, length });
  }

  async listLogRuns(after: RunId | null, limit: number): Promise<RunId[]> {
    return (await this.#people.call('listLogRuns', { after, limit })).map(runIdOf);
  }

  async runsEndedBefore(runs: readonly RunId[], at: number): Promise<RunId[]> {
    return (await this.#people.call('runsEndedBefore', { runs, at })).map(runIdOf);
  }

  registerMaster(master: Parameters<Store['registerMaster']>[0]): Promise<number> {
    return this.#writer.call('registerMaster', master);
  }

  async releaseMaster(fence: Fence): Promise<void> {
    await this.#writer.call('releaseMaster', { fence });
  }

  loadTimeline(): Promise<StoreTimeline | null> {
    return this.#master.call('loadTimeline', undefined);
  }

  renewMaster(fence: Fence, at: number, confirmed?: number): Promise<number> {
    return this.#writer.call('renewMaster', { fence, at, confirmed });
  }

  async claimCommands(
    fence: Fence,
    after: CommandId | null,
    limit: number,
    { ownOnly = false }: { ownOnly?: boolean } = {},
  ): Promise<Command[]> {
    return (await this.#writer.call('claimCommands', { fence, after, limit, ownOnly })).map(decodeCommand);
  }

  async claimFairly(fence: Fence, ask: Parameters<Store['claimFairly']>[1]): Promise<FairClaim> {
    const after = [...ask.after];
    const { starts, orders } = await this.#writer.call('claimFairly', { fence, ...ask, after });
    const looked: FairClaim['looked'] = new Map();
    for (const row of starts) {
      const [id, project] = [row[0] as CommandId, row[COMMAND_COLUMNS.length] as number];
      looked.set(project, { count: (looked.get(project)?.count ?? 0) + 1, last: id });
    }
    const own = starts.filter((row) => row.at(-1) === 1);
    return { commands: [...own, ...orders].map(decodeCommand).toSorted((a, b) => a.id - b.id), looked };
  }

  async adoptRuns(fence: Fence, after: RunId | null, limit: number): Promise<RunId[]> {
    return (await this.#writer.call('adoptRuns', { fence, after, limit })).map(runIdOf);
  }

  async loadRuns(runs: RunId[]): Promise<StoredRun[]> {
    const found = new Map(runsOf(await this.#master.call('loadRuns', runs)).map((run) => [run.spec.id, run]));
    return runs.flatMap((run) => found.get(run) ?? []);
  }

  async loadWorkflowVersion(workflowId: number, version: number): Promise<WorkflowVersion | null> {
    const found = await this.#master.call('getWorkflowVersion', { workflowId, version });
    return found && { workflowId, version, definition: parseDefinition(found), files: found.files };
  }

  saveSchedule(save: SaveSchedule): Promise<{ schedule: ScheduleRow; created: boolean; changed: boolean }> {
    return this.#writer.call('saveSchedule', save);
  }

  setScheduleOnline(
    change: Parameters<Store['setScheduleOnline']>[0],
  ): Promise<{ schedule: ScheduleRow; changed: boolean }> {
    return this.#writer.call('setScheduleOnline', change);
  }

  getSchedule(workflowId: number, name: string): Promise<ScheduleRow | null> {
    return this.#people.call('getSchedule', { workflowId, name });
  }

  listSchedules(filter: ScheduleFilter): Promise<ScheduleRow[]> {
    return this.#people.call('listSchedules', filter);
  }

  async deleteSchedule(scheduleId: number, user: string, at: number): Promise<void> {
    await this.#writer.call('deleteSchedule', { scheduleId, user, at });
  }

  listTicks(filter: TickFilter): Promise<TickRow[]> {
    return this.#people.call('listTicks', filter);
  }

  saveCalendar(calendar: Parameters<Store['saveCalendar']>[0]): Promise<CalendarRow> {
    return this.#writer.call('saveCalendar', calendar);
  }

  getCalendar(name: string): Promise<CalendarRow | null> {
    return this.#people.call('getCalendar', name);
  }

  listCalendars(): Promise<CalendarHead[]> {
    return this.#people.call('listCalendars', undefined);
  }

  async deleteCalendar(name: string): Promise<void> {
    await this.#writer.call('deleteCalendar', name);
  }

  setMaintenance(change: Parameters<Store['setMaintenance']>[0]): Promise<MaintenanceRow> {
    return this.#writer.call('setMaintenance', change);
  }

  getMaintenance(): Promise<MaintenanceRow> {
    return this.#people.call('getMaintenance', undefined);
  }

  saveDeadline(save: SaveDeadline): Promise<DeadlineRow> {
    return this.#writer.call('saveDeadline', save);
  }

  getDeadline(workflowId: number, name: string): Promise<DeadlineRow | null> {
    return this.#people.call('getDeadline', { workflowId, name });
  }

  listDeadlines(filter: DeadlineFilter): Promise<DeadlineRow[]> {
    return this.#people.call('listDeadlines', filter);
  }

  async deleteDeadline(deadlineId: number): Promise<void> {
    await this.#writer.call('deleteDeadline', deadlineId);
  }

  nextDue(): Promise<{ inMs: number | null; now: number }> {
    return this.#master.call('nextDue', undefined);
  }

  fireDue(fence: Fence, limit: number): Promise<FiredTicks> {
    return this.#writer.call('fireDue', { fence, limit });
  }

  async housekeep(): Promise<void> {
    await this.#writer.call('housekeep', undefined);
  }

  workerSeenAt(worker: WorkerId): Promise<number | null> {
    return this.#master.call('workerSeenAt', worker);
  }

  loadTaskGroups(): Promise<{ name: string; size: number }[]> {
    return this.#master.call('loadTaskGroups', undefined);
  }

  async takePermits(fence: Fence, ask: PermitAsk): Promise<PermitKey[]> {
    return (await this.#writer.call('takePermits', { fence, ask })).map((key) => ({ ...key, run: runIdOf(key.run) }));
  }

  async upstreamFacts(queries: UpstreamQuery[]): Promise<UpstreamFact[]> {
    const answers = await this.#master.call('upstreamRuns', queries);
    return answers.map((found, i) => factOf(found, queries[i]!.task));
  }

  commit(fence: Fence, changes: Change[]): Promise<{ commands: number }> {
    return this.#writer.call('commit', { fence, rows: encodeChanges(changes) });
  }

  close(): Promise<void> {
    return this.#callers.close();
  }
}

/** The runs of a reader's answer, each with its rows. */
function saveRequestOf(save: SaveWorkflow): SaveWorkflowRequest {
  const { definition, files, projectFiles = [] } = save;
  return {
    ...save,
    description: definition.description,
    labels: JSON.stringify(definition.labels),
    schedule: definition.schedule ?? null,
    concurrency: definition.concurrency,
    taskGroupMembers: taskGroupMembersOf(definition),
    definition: JSON.stringify(definition),
    projectFiles: JSON.stringify(projectFiles),
    files: files.map(({ name, sha256, base64 }) => ({ name, sha256, bytes: Buffer.from(base64, 'base64') })),
  };
}

function runsOf(texts: RunTexts): StoredRun[] {
  const tasks = Map.groupBy(parseRows(texts.taskRuns).map(decodeTaskRun), (record) => record.run);
  const attempts = Map.groupBy(parseRows(texts.attempts).map(decodeAttempt), (record) => record.run);
  return parseRows(texts.runs)
    .map(decodeRun)
    .map((row) => ({ ...row, tasks: tasks.get(row.spec.id) ?? [], attempts: attempts.get(row.spec.id) ?? [] }));
}

function factOf(found: UpstreamRun | null, task: string | null): UpstreamFact {
  if (!found) return { kind: 'none' };
  const run = runIdOf(found.run);
  return task === null ? upstreamFactOfRun(run, found.state) : upstreamFactOfTask(run, found.state, found.task);
}

function parseDefinition(version: WorkflowVersionText): WorkflowDefinition {
  return JSON.parse(version.definition) as WorkflowDefinition;
}
