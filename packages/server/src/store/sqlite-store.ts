/**
 * The store on one SQLite file. This end runs on the main thread and only packs and unpacks: SQL happens in three
 * threads, one that writes, one that reads for people and one that reads for the master, so that a long list delays neither.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { upstreamFactOfRun, upstreamFactOfTask } from '@pelorus/engine';
import type {
  Change,
  Command,
  Connection,
  StoredRun,
  UpstreamFact,
  UpstreamQuery,
  WorkerRecord,
  WorkflowVersion,
  AttemptRecord,
  TaskRunRecord,
} from '@pelorus/engine';
import { commandIdOf, parseAttemptId, runIdOf } from '@pelorus/protocol';
import type { AttemptId, CommandId, RunId, WorkflowDefinition } from '@pelorus/protocol';
import type {
  AlertChannel,
  AlertChannelRow,
  AlertDelivery,
  AlertFilter,
  ChildRunRow,
  CommandRow,
  Fence,
  NewRun,
  ProjectRow,
  RunDetail,
  RunFilter,
  RunPage,
  RunRow,
  SaveWorkflow,
  Store,
  TaskGroupRow,
  TaskGroupUsage,
  WorkflowFilter,
  WorkflowRow,
  WorkflowVersionRow,
} from './port.ts';
import type { VisibleProjects } from './projects-port.ts';
import type { ReadVerbs, RunTexts, WorkflowVersionText } from './read-verbs.ts';
import {
  decodeAttempt,
  decodeCommand,
  decodeRun,
  decodeTaskRun,
  decodeWorker,
  encodeChanges,
  encodeNewRun,
  encodeTaskRun,
  parseRows,
} from './rows.ts';
import type { Cell } from './rows.ts';
import type { WriterData } from './sqlite-writer.ts';
import { taskGroupMembersOf } from './task-groups.ts';
import { ThreadChannel } from './thread-channel.ts';
import type { UpstreamRun } from './upstream-facts.ts';
import type { WriteVerbs } from './write-verbs.ts';

export interface SqliteOptions {
  /** How long a master may stay silent before another may take its runs. Default 15 s. */
  masterLeaseMs?: number;
  /** What the database file may grow to; writes beyond fail as `UNAVAILABLE`. Default: as far as the disk goes. */
  maxBytes?: number;
}

const MASTER_LEASE_MS = 15_000;

/**
 * Opens the store in a data directory, which is made when it is missing; the database is `pelorus.db` in it.
 * Rejects with `LOCKED` when it is in use and with `SCHEMA_TOO_NEW` when a newer program wrote it.
 */
export async function openSqliteStore(directory: string, options: SqliteOptions = {}): Promise<Store> {
  const path = resolve(directory);
  // Connections hold passwords: a new directory is its owner's alone.
  await mkdir(path, { recursive: true, mode: 0o700 });
  const file = join(path, 'pelorus.db');
  const writerData: WriterData = {
    directory: path,
    file,
    masterLeaseMs: options.masterLeaseMs ?? MASTER_LEASE_MS,
    maxBytes: options.maxBytes ?? null,
  };
  const writer = new ThreadChannel<WriteVerbs>(script('sqlite-writer'), writerData, 'UNKNOWN_OUTCOME');
  const people = new ThreadChannel<ReadVerbs>(script('sqlite-reader'), { file }, 'UNAVAILABLE');
  const master = new ThreadChannel<ReadVerbs>(script('sqlite-reader'), { file }, 'UNAVAILABLE');
  const store = new SqliteStore(writer, people, master);
  try {
    await writer.call('open', null);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/** Run from the sources this file ends in `.ts`, from the published package in `.js`. */
function script(name: string): URL {
  return new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}

class SqliteStore implements Store {
  readonly #writer: ThreadChannel<WriteVerbs>;
  readonly #people: ThreadChannel<ReadVerbs>;
  readonly #master: ThreadChannel<ReadVerbs>;

  constructor(writer: ThreadChannel<WriteVerbs>, people: ThreadChannel<ReadVerbs>, master: ThreadChannel<ReadVerbs>) {
    this.#writer = writer;
    this.#people = people;
    this.#master = master;
  }

  audited(): Store {
    return this;
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

  saveWorkflow(save: SaveWorkflow): Promise<{ workflow: WorkflowRow; created: boolean; changed: boolean }> {
    return this.#writer.call('saveWorkflow', {
      ...save,
      description: save.definition.description,
      concurrency: save.definition.concurrency,
      taskGroupMembers: taskGroupMembersOf(save.definition),
      definition: JSON.stringify(save.definition),
      files: save.files.map(({ name, sha256, base64 }) => ({ name, sha256, bytes: Buffer.from(base64, 'base64') })),
    });
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

  async deleteWorkflow(workflowId: number, user: string, at: number): Promise<void> {
    await this.#writer.call('deleteWorkflow', { workflowId, user, at });
  }

  async saveConnection(project: string, connection: Connection): Promise<void> {
    await this.#writer.call('saveConnection', { project, connection });
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

  async listRuns(filter: RunFilter, from: number, size: number): Promise<RunPage> {
    const page = await this.#people.call('listRuns', { filter, from, size });
    return { total: page.total, rows: parseRows(page.runs).map(decodeRun) };
  }

  countTaskRuns(run: RunId): Promise<Partial<Record<TaskRunRecord['state'], number>>> {
    return this.#people.call('countTaskRuns', run);
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

  async registerMaster(master: Parameters<Store['registerMaster']>[0]): Promise<void> {
    await this.#writer.call('registerMaster', master);
  }

  async renewMaster(fence: Fence, at: number): Promise<void> {
    await this.#writer.call('renewMaster', { fence, at });
  }

  async claimCommands(fence: Fence, after: CommandId | null, limit: number): Promise<Command[]> {
    return (await this.#writer.call('claimCommands', { fence, after, limit })).map(decodeCommand);
  }

  async adoptRuns(fence: Fence, after: RunId | null, limit: number): Promise<RunId[]> {
    return (await this.#writer.call('adoptRuns', { fence, after, limit })).map(runIdOf);
  }

  async loadRuns(runs: RunId[]): Promise<StoredRun[]> {
    return runsOf(await this.#master.call('loadRuns', runs));
  }

  async loadWorkflowVersion(workflowId: number, version: number): Promise<WorkflowVersion | null> {
    const found = await this.#master.call('getWorkflowVersion', { workflowId, version });
    return found && { workflowId, version, definition: parseDefinition(found), files: found.files };
  }

  loadConnections(projectId: number): Promise<Connection[]> {
    return this.#master.call('loadConnections', projectId);
  }

  loadTaskGroups(): Promise<{ name: string; size: number }[]> {
    return this.#master.call('loadTaskGroups', undefined);
  }

  async upstreamFacts(queries: UpstreamQuery[]): Promise<UpstreamFact[]> {
    const answers = await this.#master.call('upstreamRuns', queries);
    return answers.map((found, i) => factOf(found, queries[i]!.task));
  }

  commit(fence: Fence, changes: Change[]): Promise<{ commands: number }> {
    return this.#writer.call('commit', { fence, rows: encodeChanges(changes) });
  }

  /** Readers first: the last connection to close folds the log into the database. */
  async close(): Promise<void> {
    this.#writer.refuse();
    await Promise.all([this.#people.close(), this.#master.close()]);
    await this.#writer.close();
  }
}

/** The runs of a reader's answer, each with its rows. */
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
