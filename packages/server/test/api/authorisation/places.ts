/** Projects with one of everything in them. */
import { runIdOf, type Problem } from '@pelorus/protocol';
import { alertOfEnd } from '../../store/records.ts';
import { NOW, type ApiUnderTest } from '../api-under-test.ts';
import { MEMBERS } from './principals.ts';

export const MARKS = { own: 'homely', foreign: 'strange' } as const;
export type Side = keyof typeof MARKS;

/** One project with one of everything in it. */
export interface Place {
  side: Side;
  project: string;
  projectId: number;
  workflow: string;
  /** Name of the workflow's only task. */
  task: string;
  /** Running, with one attempt that runs. */
  run: number;
  attempt: string;
  pausedRun: number;
  /** Failed; its task, too. */
  endedRun: number;
  backfill: number;
  schedule: string;
  deadline: string;
  connection: string;
  secret: string;
  file: string;
  member: string;
}

/** Makes a place; no two have a name in common. `serial`: how many there were before. */
export async function makePlace(
  api: ApiUnderTest,
  asAdmin: Record<string, string>,
  side: Side,
  serial: number,
): Promise<Place> {
  const mark = MARKS[side];
  const names = {
    project: `${mark}-harbour-${serial}`,
    workflow: `${mark}-voyage-${serial}`,
    task: `${mark}-leg-${serial}`,
  };
  const ask = askAs(api, asAdmin);
  const projectId = await makeProject(api, side, names.project);
  const definition = { name: names.workflow, tasks: { [names.task]: { run: 'true' } } };
  const ofProject = `/projects/${names.project}`;
  const ofWorkflow = `${ofProject}/workflows/${names.workflow}`;
  await ask('PUT', ofWorkflow, definition);
  const runs = await makeRuns(api, mark, async () => {
    const { id } = await ask<{ id: number }>('POST', '/runs', { project: names.project, workflow: names.workflow });
    return id;
  });
  const [schedule, deadline] = [`${mark}-nightly`, `${mark}-by-six`];
  for (const at of [`schedules/${schedule}`, 'schedule']) await ask('PUT', `${ofWorkflow}/${at}`, EVERY_SIX);
  await ask('PUT', `${ofWorkflow}/deadlines/${deadline}`, EVERY_SIX);
  const connection = `${mark}-db`;
  const url = `postgres://db.example/${mark}`;
  await ask('PUT', `${ofProject}/connections/${connection}`, { kind: 'postgres', url });
  const secret = `${mark}_key`;
  await ask('PUT', `${ofProject}/secrets/${secret}`, { value: `${mark} value` });
  const file = `${mark}.csv`;
  const bytes = { 'content-type': 'application/octet-stream', ...asAdmin };
  const put = await api.call('PUT', `${ofProject}/files/${file}`, { headers: bytes, body: `${mark} bytes` });
  if (put.status !== 201) throw new Error(put.text);
  const backfill = await makeBackfill(api, ask, { project: names.project, workflow: names.workflow });
  return {
    ...{ side, projectId, ...names, ...runs, backfill, connection, secret, file, schedule, deadline },
    member: `${mark}-guest`,
  };
}

const EVERY_SIX = { cron: '0 6 * * *' };

type Ask = <Body>(method: string, at: string, body?: unknown) => Promise<Body>;

/** Requests that must be accepted. */
function askAs(api: ApiUnderTest, headers: Record<string, string>): Ask {
  return async <Body>(method: string, at: string, body?: unknown): Promise<Body> => {
    const answer = await api.call<Body & Problem>(method, at, { headers, ...(body === undefined ? {} : { body }) });
    if (answer.status > 202) throw new Error(`${method} ${at}: ${answer.text}`);
    return answer.body;
  };
}

/** With its members; gives its id. */
async function makeProject({ store }: ApiUnderTest, side: Side, name: string): Promise<number> {
  const mark = MARKS[side];
  const owner = side === 'own' ? 'owner' : 'strange-owner';
  const { id } = await store.createProject({ name, description: `${mark} words`, owner, at: NOW });
  const join = (member: string, bits: number) =>
    store.saveMember({ projectId: id, user: member, bits, by: 'admin', at: NOW, limit: 100 });
  if (side === 'own') for (const [member, bits] of Object.entries(MEMBERS)) await join(member, bits);
  await join(`${mark}-guest`, 2);
  return id;
}

/** One that runs, with an attempt and its log, one that is paused, and one that failed and was told of. */
async function makeRuns(
  api: ApiUnderTest,
  mark: string,
  submit: () => Promise<number>,
): Promise<Pick<Place, 'run' | 'attempt' | 'pausedRun' | 'endedRun'>> {
  const [run, pausedRun, endedRun] = [await submit(), await submit(), await submit()];
  await api.setRun(run, 'running');
  await api.setTask(run, 0, 'running', { attempts: 1 });
  await api.setAttempt(run, 0, 1, 'running');
  await api.writeLog(run, 0, 1, `${mark} log\n`);
  await api.setRun(pausedRun, 'paused');
  await api.setTask(endedRun, 0, 'failed', { attempts: 1, endedAt: NOW });
  await api.setRun(endedRun, 'failed', { endedAt: NOW });
  const recipients = [`${mark}@example.org`];
  await api.commit({ kind: 'alert', alert: alertOfEnd(runIdOf(endedRun), { recipients, at: NOW }) });
  return { run, attempt: `${run}.0.1`, pausedRun, endedRun };
}

/** Paused, with a date that has failed and one that has not begun: whatever is asked of it applies. */
async function makeBackfill(
  api: ApiUnderTest,
  ask: Ask,
  names: { project: string; workflow: string },
): Promise<number> {
  const { id, runs } = await ask<{ id: number; runs: number[] }>('POST', '/backfills', {
    ...{ ...names, continueAfterFailure: true },
    dates: ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
  });
  await ask('POST', `/backfills/${id}/pause`);
  await api.setRun(runs[0]!, 'failed', { endedAt: NOW });
  return id;
}
