/**
 * One question alone: a run has very many tasks running, and the master that owns it is killed with SIGKILL. How long until another master's
 * first effect, and was any task executed again?
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isTerminalRun } from '@pelorus/protocol';
import { openBed, type Bed } from './bed.ts';
import { ask } from './database-server.ts';
import { readLedger, shellPrelude } from './ledger.ts';
import { createPatientClient, type PatientClient } from './patient-client.ts';
import { WORKERS } from './topology.ts';
import { installWitness, readStore, type StoreSeen } from './witness.ts';

export interface OwnerLossReport {
  ok: boolean;
  tasks: number;
  /** That were running when the owner was killed. */
  running: number;
  /** From the kill to the other master's first commit for the run. */
  takeoverMs: number | null;
  /** The lease and two seconds. */
  allowedMs: number;
  executions: number;
  attempts: number;
  state: string;
  /** From the kill to the run's end; tasks rest as long as `restSeconds`. */
  endedMs: number;
  restSeconds: number;
  startedAllMs: number;
  artefacts: string | null;
}

export interface OwnerLossOptions {
  tasks: number;
  postgresBin: string;
  keep: boolean;
  signal: AbortSignal;
  say: (text: string) => void;
}

const LEASE_MS = 15_000;
const TAKEOVER_MS = 2_000;
const REST_SECONDS = 60;
const START_MS = 120_000;

export async function loseOwner(options: OwnerLossOptions): Promise<OwnerLossReport> {
  const { tasks, postgresBin, keep, signal, say } = options;
  const bed = await openBed({ seed: 1, postgresBin, say, workerSlots: Math.ceil(tasks / WORKERS.length) + 20 });
  let isClean = false;
  try {
    await installWitness(bed.database.url);
    const client = createPatientClient(bed.apiUrls, bed.adminToken, signal);
    const ledger = join(bed.directory, 'ledger');
    writeFileSync(ledger, '', { mode: 0o666 });
    const submittedMs = Date.now();
    const id = await submitCrowd(client, ledger, tasks);
    const running = await untilRunning(bed, id, tasks, say);
    const startedAllMs = Date.now() - submittedMs;
    const owner = await ownerOf(bed, id);
    say(`${running} of ${tasks} tasks run; killing their owner ${owner}`);
    const killedMs = Date.now();
    await bed.unit(owner).kill();
    const state = await endOf(client, id);
    const endedMs = Date.now() - killedMs;
    const takeoverMs = takeoverOf(await readStore(bed.database.url), id, killedMs);
    const { lines } = readLedger(ledger);
    const [count] = await ask<{ n: string }>(bed.database.url, 'select count(*) as n from attempt where run_id = $1', [
      id,
    ]);
    const executions = lines.filter(({ word }) => word === 'start').length;
    const attempts = Number(count?.n);
    const allowedMs = LEASE_MS + TAKEOVER_MS;
    isClean =
      state === 'succeeded' &&
      executions === tasks &&
      attempts === tasks &&
      takeoverMs !== null &&
      takeoverMs <= allowedMs;
    const artefacts = isClean && !keep ? null : bed.directory;
    return {
      ok: isClean,
      tasks,
      running,
      takeoverMs,
      allowedMs,
      executions,
      attempts,
      state,
      endedMs,
      restSeconds: REST_SECONDS,
      startedAllMs,
      artefacts,
    };
  } finally {
    await bed.close({ remove: isClean && !keep });
  }
}

async function submitCrowd(client: PatientClient, ledger: string, tasks: number): Promise<number> {
  const run = `${shellPrelude(ledger)}read -rt ${REST_SECONDS} -u "$pipe" || :; done_with 0`;
  const all = Object.fromEntries(Array.from({ length: tasks }, (_, n) => [`task-${n}`, { run }]));
  const source = JSON.stringify({ name: 'crowd', project: 'chaos', tasks: all });
  await client.ask((api, signal) => api.projects.put('chaos', {}, signal));
  await client.ask((api, signal) => api.workflows.save('chaos', 'crowd', { source, format: 'json' }, signal));
  const request = { project: 'chaos', workflow: 'crowd' };
  return (await client.ask((api, signal) => api.runs.submit(request, { idempotencyKey: 'crowd', signal }))).id;
}

/** How many run when all do, or the first of them is about to end. */
async function untilRunning(bed: Bed, run: number, tasks: number, say: (text: string) => void): Promise<number> {
  for (const endsAt = Date.now() + START_MS; ; await pause(500)) {
    const text = `select count(*) filter (where state = 'running') as n, count(*) filter (where state = 'succeeded') as ended from attempt where run_id = $1`;
    const [row] = await ask<{ n: string; ended: string }>(bed.database.url, text, [run]);
    say(`${row?.n} tasks run`);
    if (Number(row?.n) >= tasks || Number(row?.ended) > 0 || Date.now() > endsAt) return Number(row?.n);
  }
}

async function ownerOf(bed: Bed, run: number): Promise<string> {
  const text = 'select m.ops_url from run r join master m on m.id = r.owner where r.id = $1';
  const [row] = await ask<{ ops_url: string }>(bed.database.url, text, [run]);
  const [name] = Object.entries(bed.opsUrls).find(([, url]) => url === row?.ops_url) ?? [];
  if (name === undefined) throw new Error(`run ${run} has no owner of this bed`);
  return name;
}

async function endOf(client: PatientClient, run: number): Promise<string> {
  for (const endsAt = Date.now() + START_MS + REST_SECONDS * 1000; ; await pause(500)) {
    const { state } = await client.ask((api, signal) => api.runs.get(run, signal));
    if (isTerminalRun(state) || Date.now() > endsAt) return state;
  }
}

function takeoverOf({ transitions }: StoreSeen, run: number, killedMs: number): number | null {
  const before = transitions.findLast((one) => one.kind === 'run' && one.run === run && one.atMs <= killedMs)?.owner;
  const taken = transitions.find(
    (one) => one.kind === 'run' && one.run === run && one.atMs > killedMs && one.owner !== null && one.owner !== before,
  );
  return taken === undefined ? null : Math.round(taken.atMs - killedMs);
}
