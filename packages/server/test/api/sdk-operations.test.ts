/**
 * The typed client against the OpenAPI document: every operation has its method, which sends what the document says and is typed
 * by what the operation answers. A method or an operation that is not in the table fails the test; a type that differs does not compile.
 */
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { createClient, type Client } from '@pelorus/sdk';
import {
  auditPage,
  meAnswer,
  sessionPage,
  memberAnswer,
  memberPage,
  signInLinkAnswer,
  tokenCreatedAnswer,
  tokenPage,
  userAnswer,
  userPage,
} from '../../src/api/answers/access.ts';
import { alertPage, alertTestedAnswer, channelAnswer, channelPage } from '../../src/api/answers/alerts.ts';
import { executingAnswer } from '../../src/api/answers/executing.ts';
import {
  directStarted,
  executionAnswer,
  executionKilled,
  executionList,
  executionStarted,
} from '../../src/api/answers/executors.ts';
import {
  indexAnswer,
  jsonSchemaAnswer,
  liveAnswer,
  readyAnswer,
  systemAnswer,
  taskGroupAnswer,
  taskGroupPage,
  workerPage,
} from '../../src/api/answers/operations.ts';
import {
  connectionAnswer,
  connectionPage,
  connectionTestedAnswer,
  projectAnswer,
  projectFileAnswer,
  projectFilePage,
  projectPage,
  secretAnswer,
  secretPage,
} from '../../src/api/answers/projects.ts';
import {
  commandAnswer,
  liveAnswerSchema,
  attemptLogAnswer,
  logAnswer,
  planAnswerSchema,
  plannedAnswer,
  runAnswer,
  runHistoryPage,
  runPage,
  runStatsAnswer,
  runSubmittedAnswer,
  taskPage,
} from '../../src/api/answers/runs.ts';
import { importReportAnswer } from '../../src/api/answers/transfer.ts';
import {
  calendarAnswer,
  calendarPage,
  calendarSaved,
  deadlineAnswer,
  deadlinePage,
  maintenanceAnswer,
  scheduleDetail,
  schedulePage,
  schedulePreview,
  tickPage,
} from '../../src/api/answers/schedules.ts';
import type { Same } from '../../src/api/answers/schema-of.ts';
import {
  versionPage,
  workflowDiffAnswer,
  workflowPage,
  workflowSavedAnswer,
  workflowValidatedAnswer,
  workflowViewAnswer,
} from '../../src/api/answers/workflows.ts';
import { openApiDocument } from '../../src/api/openapi/document.ts';
import { documentAnswer } from '../../src/api/resources/documentation.ts';
import { ROUTES, urlOf } from '../../src/api/routes.ts';
import { backfillAnswer, backfillPage, backfillPreview, backfillSubmitted } from '../../src/api/answers/backfills.ts';
import { bulkAnswer, bulkDetail, bulkPage, bulkPreview } from '../../src/api/answers/bulk.ts';
import {
  environmentAnswer,
  environmentPage,
  masterPage,
  workerDetailAnswer,
  workerDrainedAnswer,
  workerGroupAnswer,
  workerGroupPage,
} from '../../src/api/answers/fleet.ts';
import { createDocumentChecker, type DocumentedOperation } from '../openapi/document-checker.ts';

interface Row {
  id: string;
  /** Where the method is in the client. */
  method: string;
  /** What the operation answers when it is asked in that way; null: nothing; a media type: something else than JSON. */
  answer: z.ZodType | string | null;
  call: (client: Client) => Promise<unknown>;
  /** Parameters of the query that the method does not send in this use. */
  omits: readonly string[];
}

type Answered<Schema> = Schema extends z.ZodType
  ? z.output<Schema>
  : Schema extends keyof OfMedia
    ? OfMedia[Schema]
    : undefined;

/** What methods make of answers that are no JSON. */
interface OfMedia {
  'application/octet-stream': Uint8Array<ArrayBuffer>;
  'application/zip': Uint8Array<ArrayBuffer>;
  'text/plain': ReadableStream<Uint8Array>;
  'application/yaml': string;
}

interface Differs<Promised, Answer> {
  'the method promises': Promised;
  'the operation answers': Answer;
}

/** A row, unless the method promises something else than the operation answers. */
function row<Schema extends z.ZodType | keyof OfMedia | null, Result>(
  id: string,
  method: string,
  answer: Schema,
  call: (client: Client) => Promise<Result>,
  omits?: readonly string[],
): Same<Result, Answered<Schema>> extends true ? Row : Differs<Result, Answered<Schema>>;
function row(id: string, method: string, answer: Row['answer'], call: Row['call'], omits: readonly string[] = []): Row {
  return { id, method, answer, call, omits };
}

/** What is sent for each parameter of a path; with characters that have to be escaped. */
const IN_PATH: Record<string, string | number> = {
  project: 'p 1',
  workflow: 'w/ö',
  version: 3,
  run: 7,
  task: 't?x=1',
  attempt: '7.0.1',
  execId: 7,
  jobId: '7.0.1',
  name: 'n#1',
  schedule: 's#1',
  deadline: 'd#1',
  projectCode: 'p 1',
  path: 'lib/a b.txt',
  user: 'u 1',
  id: 5,
  other: 4,
  backfill: 5,
  operation: 5,
  worker: 'w/ö',
};
const RUN = { project: 'p 1', workflow: 'w/ö', params: { n: 1 }, priority: 'high' as const };
const PAGE = { limit: 5, cursor: 'W10' };
const TEXT = { source: '{"name":"w","tasks":{"a":{"run":"true"}}}', format: 'json' as const };
const COMMAND = { waitMs: 9 };
const AT = '2026-03-15T12:00:00Z';
const BACKFILL = { project: 'p', workflow: 'w', startDate: AT, endDate: AT, mode: 'parallel', parallelism: 2 } as const;
const SCHEDULE = { cron: '0 6 * * *', zone: 'Europe/Berlin', calendar: 'c', onHoliday: 'skip' } as const;
const LOGS = { from: 1, size: 2, query: 're:x' };

const ROWS: readonly Row[] = [
  row('runWorkflow', 'executors.run', executionStarted, (client) =>
    client.executors.run(
      { projectName: 'p', workflowName: 'w', execType: 'DIRECT', startParams: { n: 1 } },
      { idempotencyKey: 'k' },
    ),
  ),
  row('runDirect', 'executors.runDirect', directStarted, (client) =>
    client.executors.runDirect({
      projectName: 'p',
      workflowName: 'w',
      proxyUser: 'u',
      queue: 'q',
      data: '{}',
      notifyMails: ['a'],
      extras: { a: 1 },
    }),
  ),
  row('listExecutions', 'executors.list', executionList, (client) =>
    client.executors.list({
      startDate: 1,
      endDate: 2,
      projectName: ['p'],
      workflowName: ['w'],
      status: [4],
      from: 0,
      size: 1,
    }),
  ),
  row('getExecution', 'executors.get', executionAnswer, (client) => client.executors.get(7)),
  row('getExecutionLogs', 'executors.logs', logAnswer, (client) => client.executors.logs('7.0.1', LOGS)),
  row('killExecution', 'executors.kill', executionKilled, (client) => client.executors.kill(7, COMMAND)),
  row('listProjects', 'projects.list', projectPage, (client) => client.projects.list()),
  row('getProject', 'projects.get', projectAnswer, (client) => client.projects.get('p 1')),
  row('putProject', 'projects.put', projectAnswer, (client) => client.projects.put('p 1', { description: 'x' })),
  row('deleteProject', 'projects.delete', null, (client) => client.projects.delete('p 1')),
  row('listMembers', 'projects.members', memberPage, (client) => client.projects.members('p 1')),
  row('putMember', 'projects.putMember', memberAnswer, (client) =>
    client.projects.putMember('p 1', 'u 1', { perm: 7 }),
  ),
  row('deleteMember', 'projects.deleteMember', null, (client) => client.projects.deleteMember('p 1', 'u 1')),
  row('putProjectOwner', 'projects.setOwner', projectAnswer, (client) => client.projects.setOwner('p 1', 'ann')),
  row('listWorkflows', 'workflows.list', workflowPage, (client) =>
    client.workflows.list({ project: 'p', q: 'x', label: 'team=a', lastRuns: 3, ...PAGE }),
  ),
  row('getWorkflow', 'workflows.get', workflowViewAnswer, (client) => client.workflows.get('p 1', 'w/ö')),
  row('putWorkflow', 'workflows.save', workflowSavedAnswer, (client) => client.workflows.save('p 1', 'w/ö', TEXT)),
  row('deleteWorkflow', 'workflows.delete', null, (client) => client.workflows.delete('p 1', 'w/ö')),
  row('validateWorkflow', 'workflows.validate', workflowValidatedAnswer, (client) =>
    client.workflows.validate('p 1', 'w/ö', { ...TEXT, files: [{ name: 'a', base64: 'YQ==' }] }),
  ),
  row('listVersions', 'workflows.versions', versionPage, (client) => client.workflows.versions('p 1', 'w/ö')),
  row('getVersion', 'workflows.version', workflowViewAnswer, (client) => client.workflows.version('p 1', 'w/ö', 3)),
  row('postRun', 'runs.submit', runSubmittedAnswer, (client) => client.runs.submit(RUN, { idempotencyKey: 'k' }), [
    'dryRun',
  ]),
  row('postRun', 'runs.preview', plannedAnswer, (client) => client.runs.preview(RUN)),
  row(
    'rerunRun',
    'runs.rerun',
    runSubmittedAnswer,
    (client) => client.runs.rerun(7, { from: 'a', version: 'latest' }, { idempotencyKey: 'k' }),
    ['dryRun'],
  ),
  row('rerunRun', 'runs.previewRerun', plannedAnswer, (client) => client.runs.previewRerun(7, { from: 'a' })),
  row('repeatRun', 'runs.repeat', runSubmittedAnswer, (client) => client.runs.repeat(7, { idempotencyKey: 'k' }), [
    'dryRun',
  ]),
  row('listRuns', 'runs.list', runPage, (client) =>
    client.runs.list({
      ...{
        project: 'p',
        workflow: 'w*',
        state: ['failed', 'queued'],
        execType: 'DIRECT',
        user: 'ann',
        q: 'x',
        rerunOf: 3,
      },
      ...{
        submittedAfter: AT,
        submittedBefore: AT,
        logicalDateAfter: AT,
        logicalDateBefore: AT,
        label: 'team',
        ...PAGE,
      },
    }),
  ),
  row('getRunStats', 'runs.stats', runStatsAnswer, (client) =>
    client.runs.stats({ project: 'p', workflow: 'w*', after: AT, before: AT, bucketMs: 60_000, tasks: true }),
  ),
  row('getWorkflowHistory', 'workflows.history', runHistoryPage, (client) =>
    client.workflows.history('p 1', 'w/ö', PAGE),
  ),
  row('getRun', 'runs.get', runAnswer, (client) => client.runs.get(7)),
  row('getTasks', 'runs.tasks', taskPage, (client) => client.runs.tasks(7, PAGE)),
  row('getPlan', 'runs.plan', planAnswerSchema, (client) => client.runs.plan(7)),
  row('getLive', 'runs.live', liveAnswerSchema, (client) => client.runs.live(7)),
  row('stopRun', 'runs.stop', commandAnswer, (client) => client.runs.stop(7, COMMAND)),
  row('pauseRun', 'runs.pause', commandAnswer, (client) => client.runs.pause(7, COMMAND)),
  row('resumeRun', 'runs.resume', commandAnswer, (client) => client.runs.resume(7, COMMAND)),
  row('killTask', 'runs.killTask', commandAnswer, (client) => client.runs.killTask(7, 't?x=1', COMMAND)),
  row('forceTaskSuccess', 'runs.forceSuccess', commandAnswer, (client) =>
    client.runs.forceSuccess(7, 't?x=1', COMMAND),
  ),
  row(
    'getAttemptLogs',
    'attempts.logs',
    attemptLogAnswer,
    (client) => client.attempts.logs('7.0.1', { ...LOGS, tail: 3, offset: 4 }),
    ['follow'],
  ),
  row('queryExecutingWorkflow', 'executors.queryExecuting', executingAnswer, (client) =>
    client.executors.queryExecuting('p 1', 7),
  ),
  row('downloadAttemptLogs', 'attempts.downloadLogs', 'text/plain', (client) => client.attempts.downloadLogs('7.0.1')),
  row('exportWorkflow', 'workflows.export', 'application/yaml', (client) =>
    client.workflows.export('p 1', 'w/ö', { version: 3 }),
  ),
  row('listConnections', 'connections.list', connectionPage, (client) => client.connections.list('p 1', PAGE)),
  row('getConnection', 'connections.get', connectionAnswer, (client) => client.connections.get('p 1', 'n#1')),
  row('putConnection', 'connections.put', connectionAnswer, (client) =>
    client.connections.put('p 1', 'n#1', { kind: 'sqlite', url: 'sqlite:x' }),
  ),
  row('deleteConnection', 'connections.delete', null, (client) => client.connections.delete('p 1', 'n#1')),
  row('testConnection', 'connections.test', connectionTestedAnswer, (client) => client.connections.test('p 1', 'n#1')),
  row('listSecrets', 'secrets.list', secretPage, (client) => client.secrets.list('p 1', PAGE)),
  row('getSecret', 'secrets.get', secretAnswer, (client) => client.secrets.get('p 1', 'n#1')),
  row('putSecret', 'secrets.put', secretAnswer, (client) => client.secrets.put('p 1', 'n#1', { value: 'long enough' })),
  row('deleteSecret', 'secrets.delete', null, (client) => client.secrets.delete('p 1', 'n#1')),
  row('listFiles', 'files.list', projectFilePage, (client) => client.files.list('p 1', PAGE)),
  row('getFile', 'files.get', 'application/octet-stream', (client) => client.files.get('p 1', 'lib/a b.txt')),
  row('putFile', 'files.put', projectFileAnswer, (client) =>
    client.files.put('p 1', 'lib/a b.txt', new Uint8Array([1]), { ifMatch: 'abc' }),
  ),
  row('deleteFile', 'files.delete', null, (client) => client.files.delete('p 1', 'lib/a b.txt', { ifMatch: 'abc' })),
  row('listWorkers', 'workers.list', workerPage, (client) => client.workers.list()),
  row(
    'postBackfill',
    'backfills.submit',
    backfillSubmitted,
    (client) => client.backfills.submit(BACKFILL, { idempotencyKey: 'k' }),
    ['dryRun'],
  ),
  row('postBackfill', 'backfills.preview', backfillPreview, (client) => client.backfills.preview(BACKFILL)),
  row('listBackfills', 'backfills.list', backfillPage, (client) =>
    client.backfills.list({ project: 'p', workflow: 'w', state: 'pending', ...PAGE }),
  ),
  row('getBackfill', 'backfills.get', backfillAnswer, (client) =>
    client.backfills.get(5, { state: 'pending', ...PAGE }),
  ),
  row('pauseBackfill', 'backfills.pause', backfillAnswer, (client) => client.backfills.pause(5)),
  row('resumeBackfill', 'backfills.resume', backfillAnswer, (client) => client.backfills.resume(5)),
  row('stopBackfill', 'backfills.stop', backfillAnswer, (client) => client.backfills.stop(5, { runs: 'leave' })),
  row('retryBackfill', 'backfills.retry', backfillAnswer, (client) =>
    client.backfills.retry(5, { dates: 'failed', continueAfterFailure: true }),
  ),
  row('listSchedules', 'schedules.list', schedulePage, (client) =>
    client.schedules.list({ project: 'p', workflow: 'w', q: 'x', online: true, calendar: 'c', ...PAGE }),
  ),
  row('previewSchedule', 'schedules.preview', schedulePreview, (client) =>
    client.schedules.preview({ ...SCHEDULE, n: 3, from: AT }),
  ),
  row('getSchedule', 'schedules.get', scheduleDetail, (client) => client.schedules.get('p 1', 'w/ö', 's#1')),
  row('putSchedule', 'schedules.put', scheduleDetail, (client) =>
    client.schedules.put('p 1', 'w/ö', 's#1', { ...SCHEDULE, params: { n: 1 }, dependsOn: ['a/b'] }, { ifRevision: 2 }),
  ),
  row('deleteSchedule', 'schedules.delete', null, (client) => client.schedules.delete('p 1', 'w/ö', 's#1')),
  row('takeScheduleOnline', 'schedules.online', scheduleDetail, (client) =>
    client.schedules.online('p 1', 'w/ö', 's#1'),
  ),
  row('takeScheduleOffline', 'schedules.offline', scheduleDetail, (client) =>
    client.schedules.offline('p 1', 'w/ö', 's#1'),
  ),
  row('getSchedulePreview', 'schedules.fires', schedulePreview, (client) =>
    client.schedules.fires('p 1', 'w/ö', 's#1', { count: 3 }),
  ),
  row('listScheduleTicks', 'schedules.ticks', tickPage, (client) =>
    client.schedules.ticks('p 1', 'w/ö', 's#1', {
      ...{ outcome: 'skipped', reason: 'misfire', after: AT, before: AT },
      ...PAGE,
    }),
  ),
  row('listCalendars', 'calendars.list', calendarPage, (client) => client.calendars.list()),
  row('getCalendar', 'calendars.get', calendarAnswer, (client) => client.calendars.get('n#1')),
  row(
    'putCalendar',
    'calendars.put',
    calendarSaved,
    (client) => client.calendars.put('n#1', { description: 'x', days: ['2026-05-01'] }),
    ['description'],
  ),
  row('putCalendar', 'calendars.import', calendarSaved, (client) =>
    client.calendars.import('n#1', { format: 'csv', source: '2026-05-01', description: 'x' }),
  ),
  row('deleteCalendar', 'calendars.delete', null, (client) => client.calendars.delete('n#1')),
  row('getMaintenance', 'maintenance.get', maintenanceAnswer, (client) => client.maintenance.get()),
  row('putMaintenance', 'maintenance.put', maintenanceAnswer, (client) =>
    client.maintenance.put({ paused: true, reason: 'x' }),
  ),
  row('listAllDeadlines', 'deadlines.listAll', deadlinePage, (client) =>
    client.deadlines.listAll({ project: 'p 1', workflow: 'w/ö', enabled: true, limit: 5, cursor: 'c' }),
  ),
  row('listDeadlines', 'deadlines.list', deadlinePage, (client) => client.deadlines.list('p 1', 'w/ö')),
  row('getDeadline', 'deadlines.get', deadlineAnswer, (client) => client.deadlines.get('p 1', 'w/ö', 'd#1')),
  row('putDeadline', 'deadlines.put', deadlineAnswer, (client) =>
    client.deadlines.put('p 1', 'w/ö', 'd#1', { cron: '0 6 * * *', task: 'a', recipients: ['ops'] }),
  ),
  row('deleteDeadline', 'deadlines.delete', null, (client) => client.deadlines.delete('p 1', 'w/ö', 'd#1')),
  row(
    'postBulkRuns',
    'bulk.runs',
    bulkAnswer,
    (client) => client.bulk.runs({ action: 'rerun', ids: [7], version: 'latest' }, { idempotencyKey: 'k' }),
    ['dryRun'],
  ),
  row('postBulkRuns', 'bulk.preview', bulkPreview, (client) =>
    client.bulk.preview({ action: 'stop', filter: { state: ['running'] } }),
  ),
  row('listBulk', 'bulk.list', bulkPage, (client) => client.bulk.list(PAGE)),
  row('getBulk', 'bulk.get', bulkDetail, (client) => client.bulk.get(5, { state: 'refused', ...PAGE })),
  row('getWorker', 'workers.get', workerDetailAnswer, (client) => client.workers.get('w/ö')),
  row('drainWorker', 'workers.drain', workerDrainedAnswer, (client) => client.workers.drain('w/ö', { reason: 'x' })),
  row('undrainWorker', 'workers.undrain', workerDrainedAnswer, (client) => client.workers.undrain('w/ö')),
  row('listMasters', 'masters.list', masterPage, (client) => client.masters.list()),
  row('listWorkerGroups', 'workerGroups.list', workerGroupPage, (client) => client.workerGroups.list()),
  row('getWorkerGroup', 'workerGroups.get', workerGroupAnswer, (client) => client.workerGroups.get('n#1')),
  row('putWorkerGroup', 'workerGroups.put', workerGroupAnswer, (client) =>
    client.workerGroups.put('n#1', { description: 'x' }),
  ),
  row('deleteWorkerGroup', 'workerGroups.delete', null, (client) => client.workerGroups.delete('n#1')),
  row('listEnvironments', 'environments.list', environmentPage, (client) => client.environments.list()),
  row('getEnvironment', 'environments.get', environmentAnswer, (client) => client.environments.get('n#1')),
  row('putEnvironment', 'environments.put', environmentAnswer, (client) =>
    client.environments.put('n#1', { description: 'x', variables: { A: 'b' } }),
  ),
  row('deleteEnvironment', 'environments.delete', null, (client) => client.environments.delete('n#1')),
  row('diffVersions', 'workflows.diff', workflowDiffAnswer, (client) =>
    client.workflows.diff('p 1', 'w/ö', { from: 3, to: 4 }),
  ),
  row('exportProject', 'projects.export', 'application/zip', (client) =>
    client.projects.export('p 1', { workflows: ['a', 'b'] }),
  ),
  row('importProject', 'projects.import', importReportAnswer, (client) =>
    client.projects.import('p 1', { format: 'yaml', source: 'name: w' }, { dryRun: true }),
  ),
  row('rollbackWorkflow', 'workflows.rollback', workflowSavedAnswer, (client) =>
    client.workflows.rollback('p 1', 'w/ö', 3),
  ),
  row('listTaskGroups', 'taskGroups.list', taskGroupPage, (client) => client.taskGroups.list()),
  row('getTaskGroup', 'taskGroups.get', taskGroupAnswer, (client) => client.taskGroups.get('n#1')),
  row('putTaskGroup', 'taskGroups.put', taskGroupAnswer, (client) => client.taskGroups.put('n#1', { size: 2 })),
  row('deleteTaskGroup', 'taskGroups.delete', null, (client) => client.taskGroups.delete('n#1')),
  row('listChannels', 'alertChannels.list', channelPage, (client) => client.alertChannels.list()),
  row('getChannel', 'alertChannels.get', channelAnswer, (client) => client.alertChannels.get('n#1')),
  row('putChannel', 'alertChannels.put', channelAnswer, (client) =>
    client.alertChannels.put('n#1', { kind: 'email', target: 'a@b.org', events: ['run-failed'] }),
  ),
  row('deleteChannel', 'alertChannels.delete', null, (client) => client.alertChannels.delete('n#1')),
  row('testChannel', 'alertChannels.test', alertTestedAnswer, (client) => client.alertChannels.test('n#1')),
  row('listAlerts', 'alerts.list', alertPage, (client) => client.alerts.list({ run: 7, state: 'failed', ...PAGE })),
  row('login', 'login', meAnswer, (client) => client.login({ name: 'ann', password: 'x' })),
  row('loginByCode', 'loginByCode', meAnswer, (client) => client.loginByCode('x')),
  row('logout', 'logout', null, (client) => client.logout()),
  row('getMe', 'me', meAnswer, (client) => client.me()),
  row('listUsers', 'users.list', userPage, (client) => client.users.list(PAGE)),
  row('getUser', 'users.get', userAnswer, (client) => client.users.get('n#1')),
  row('putUser', 'users.put', userAnswer, (client) => client.users.put('n#1', { disabled: true })),
  row('setPassword', 'users.setPassword', null, (client) =>
    client.users.setPassword('n#1', { current: 'a', new: 'b'.repeat(12) }),
  ),
  row('listSessions', 'users.sessions', sessionPage, (client) => client.users.sessions('n#1')),
  row('endSession', 'users.endSession', null, (client) => client.users.endSession('n#1', 5)),
  row('createSignInLink', 'users.createSignInLink', signInLinkAnswer, (client) => client.users.createSignInLink('n#1')),
  row('listTokens', 'tokens.list', tokenPage, (client) => client.tokens.list({ user: 'ann' })),
  row('createToken', 'tokens.create', tokenCreatedAnswer, (client) =>
    client.tokens.create({ name: 'ci', perm: 'viewer', projects: ['p'] }),
  ),
  row('deleteToken', 'tokens.delete', null, (client) => client.tokens.delete(5)),
  row('listAudit', 'audit.list', auditPage, (client) =>
    client.audit.list({
      user: 'u',
      action: 'a',
      project: 'p',
      outcome: 'done',
      after: '2026-01-01T00:00:00Z',
      before: '2026-02-01T00:00:00Z',
      ...PAGE,
    }),
  ),
  row('getSystem', 'system', systemAnswer, (client) => client.system()),
  row('getWorkflowSchema', 'workflowSchema', jsonSchemaAnswer, (client) => client.workflowSchema()),
  row('getWorkerProtocolSchema', 'workerProtocolSchema', jsonSchemaAnswer, (client) => client.workerProtocolSchema()),
  row('livez', 'live', liveAnswer, (client) => client.live()),
  row('readyz', 'ready', readyAnswer, (client) => client.ready()),
  row('getOpenApi', 'openApi', documentAnswer, (client) => client.openApi()),
  row('getIndex', 'index', indexAnswer, (client) => client.index()),
];

/** A path of a file has its slashes. */
function inPath(name: string): string {
  const text = encodeURIComponent(String(IN_PATH[name]));
  return name === 'path' ? text.replaceAll('%2F', '/') : text;
}

/** Pages for people, and for Prometheus; and short paths of the schedule called `default`, which has its name to be called by. */
const WITHOUT_METHOD = new Set([
  ...['getDocs', 'getStartPage', 'getMetrics'],
  ...['getDefaultSchedule', 'putDefaultSchedule', 'deleteDefaultSchedule', 'getDefaultSchedulePreview'],
  ...['takeDefaultScheduleOnline', 'takeDefaultScheduleOffline', 'listDefaultScheduleTicks'],
]);
/** Methods of another kind: any request; and streams of events, each over one operation. */
const OTHER_METHODS: Record<string, string | null> = {
  request: null,
  watchRun: 'getRunEvents',
  watchRuns: 'getEvents',
  watchChanges: 'getEvents',
  watchBackfill: 'getBackfillEvents',
  followLogs: 'getAttemptLogs',
};

const document = openApiDocument(ROUTES, urlOf, '1');
const checker = createDocumentChecker(document);

interface Sent {
  method: string;
  url: URL;
  headers: Headers;
  body: unknown;
}

/** What the client sends. */
async function sentBy(call: (client: Client) => Promise<unknown>): Promise<Sent> {
  const sent: Sent[] = [];
  const client = createClient({
    baseUrl: 'http://server.test',
    token: 'secret',
    fetch: async (input, init) => {
      const url = typeof input === 'string' ? new URL(input) : new URL(input instanceof URL ? input : input.url);
      sent.push({ method: init?.method ?? 'GET', url, headers: new Headers(init?.headers), body: init?.body });
      return new Response('{}', { headers: { 'content-type': 'application/json' } });
    },
  });
  await call(client);
  const [first, ...more] = sent;
  if (first === undefined || more.length > 0) throw new Error(`${sent.length} requests`);
  return first;
}

function operationOf(id: string): DocumentedOperation {
  const found = checker.operations.find((operation) => operation.id === id);
  if (found === undefined) throw new Error(`there is no operation ${id}`);
  return found;
}

/** `runs.get`, `system`, …: every function of the client. */
function methodsOf(value: object, prefix = ''): string[] {
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    if (typeof member === 'function') return [prefix + name];
    return typeof member === 'object' && member !== null ? methodsOf(member, `${prefix}${name}.`) : [];
  });
}

test('every operation has its method, and every method its operation', () => {
  const streamed = Object.values(OTHER_METHODS).filter((id) => id !== null);
  const covered = new Set([...ROWS.map((each) => each.id), ...WITHOUT_METHOD, ...streamed]);
  expect(
    checker.operations.map((operation) => operation.id).filter((id) => !covered.has(id)),
    'operations without a method',
  ).toEqual([]);
  expect(
    [...covered].filter((id) => !checker.operations.some((operation) => operation.id === id)),
    'operations that do not exist',
  ).toEqual([]);
  const methods = methodsOf(createClient({ baseUrl: 'http://x' })).filter(
    (method) => !Object.hasOwn(OTHER_METHODS, method),
  );
  expect(methods.toSorted()).toEqual(ROWS.map((each) => each.method).toSorted());
});

test.each(ROWS)('$method sends what the document says of $id', async ({ id, call, answer, omits }) => {
  const operation = operationOf(id);
  const { parameters, requestBody } = operation.operation;
  const sent = await sentBy(call);
  expect(sent.method).toBe(operation.method);
  expect(sent.url.pathname).toBe(operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => inPath(name)));
  expect(sent.headers.get('authorization')).toBe('Bearer secret');
  const inQuery = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.description === undefined)
    .map((parameter) => parameter.name);
  expect([...new Set(sent.url.searchParams.keys())].toSorted()).toEqual(
    inQuery.filter((name) => !omits.includes(name)).toSorted(),
  );
  const inHeaders = parameters
    .filter((parameter) => parameter.in === 'header')
    .map((parameter) => parameter.name.toLowerCase());
  for (const name of ['idempotency-key', 'if-match']) if (sent.headers.has(name)) expect(inHeaders).toContain(name);
  const { body } = sent;
  if (body === undefined || body === null) expect(requestBody?.required ?? false).toBe(false);
  else if (body instanceof FormData) {
    const form = requestBody?.content['multipart/form-data'];
    expect([...body.keys()].filter((name) => !Object.hasOwn(form?.schema['properties'] ?? {}, name))).toEqual([]);
  } else {
    const type = sent.headers.get('content-type') ?? '';
    expect(checker.problemsOfRequest(operation, { contentType: type, body: body as string | Uint8Array })).toEqual([]);
  }
  const route = ROUTES.find((each) => each.id === id);
  const answers = Object.values(route?.answers ?? {}).flatMap((each) =>
    each !== null && 'media' in each ? [...Object.keys(each.media), ...Object.values(each.media)] : [each],
  );
  expect(answers, 'what the method promises is what the route answers').toContain(answer);
});
