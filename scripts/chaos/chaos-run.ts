/** One storm from beginning to end: open the bed, load it, rage, calm down, settle, judge, report, and leave nothing behind. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BOOT_CLOCKS, openBed, OWN_TIMES, type Bed } from './bed.ts';
import { chanceOf } from './chance.ts';
import { ask } from './database-server.ts';
import { readLedger } from './ledger.ts';
import { startLoad, type Load } from './load.ts';
import { byKind, measure, type KindReport, type Measured } from './measures.ts';
import { judge, type Finding, type FindingKind } from './oracle.ts';
import { createPatientClient, type AnswerCounts, type PatientClient, type Violation } from './patient-client.ts';
import { noCounts, type EdgeCounts } from './proxy/toxics.ts';
import { planStorm, type FaultKind, type StormPlan } from './schedule.ts';
import { rage, type FaultDone } from './storm.ts';
import { GROUPS, type Shape } from './workloads.ts';
import { installWitness, readStore, type StoreSeen } from './witness.ts';

export interface ChaosOptions {
  seed: number;
  seconds: number;
  kinds: readonly FaultKind[];
  shapes: readonly Shape[];
  /** Scenarios side by side, and scenarios that begin in a second, at most. */
  width: number;
  rate: number;
  /** How long everything may take to end when the faults have. */
  settleSeconds: number;
  postgresBin: string;
  keep: boolean;
  signal: AbortSignal;
  say: (text: string) => void;
}

export interface ChaosReport {
  ok: boolean;
  seed: number;
  seconds: number;
  lost: number;
  doubled: number;
  stalled: number;
  wrong: number;
  livedOn: number;
  /** Answers of an API that are 5xx and not 503 with `Retry-After`. */
  apiViolations: number;
  /** Processes that were there after everything had ended, and those that had to be killed to end. */
  leftOver: number;
  notEnded: string[];
  load: { runs: number; tasks: number; attempts: number; tasksPerSecond: number; width: number; answers: AnswerCounts };
  faults: { injected: number; hit: number; survived: number; byKind: Partial<Record<FaultKind, KindReport>> };
  impossible: StormPlan['impossible'];
  /** What the proxies did to traffic, over all edges. */
  traffic: EdgeCounts;
  /** Attempts that were lost with their worker, and that a worker had no room for: both are made again. */
  lostAttempts: number;
  refusedAttempts: number;
  /** Processes that ended by themselves. */
  selfExits: Record<string, number>;
  measured: Measured;
  /** From the end of the faults until everything had ended. */
  settledMs: number | null;
  /** `pelorus doctor --audit`, where there is it. */
  audit: string;
  postgres: string;
  disksOfTheirOwn: boolean;
  hostsOfTheirOwn: boolean;
  /** Seconds by which the boot clocks of some hosts were ahead; null: the kernel does not let us. */
  bootClocks: Readonly<Record<string, number>> | null;
  /** Where logs and evidence are; null: removed. */
  artefacts: string | null;
}

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, seconds, kinds, signal, say, keep, postgresBin } = options;
  const bed = await openBed({ seed, postgresBin, say });
  let isClean = false;
  try {
    signal.throwIfAborted();
    await installWitness(bed.database.url);
    const disks = bed.disk('work', 'worker-1') !== null;
    const plan = planStorm({ seed, seconds, kinds, disks, hosts: bed.network.hasHosts });
    writeFileSync(join(bed.directory, 'plan.json'), JSON.stringify(plan, null, 1));
    say(`the cluster runs; seed ${seed}, ${plan.faults.length} faults in ${seconds} s; ${bed.directory}`);
    const storm = await weather(bed, plan, options);
    const findings = judge(evidenceOf(bed, storm));
    const end = await endOf(bed, storm, say);
    const report = reportOf(bed, { options, plan, disks, storm, findings, end });
    isClean = report.ok;
    if (!isClean || keep) keepArtefacts(bed, storm, findings, report);
    for (const finding of findings.slice(0, FINDINGS_SHOWN))
      say(`${finding.kind}: ${finding.about}: ${finding.detail} [${finding.rule}]`);
    for (const violation of storm.client.violations.slice(0, FINDINGS_SHOWN)) say(`api: ${JSON.stringify(violation)}`);
    return { ...report, artefacts: isClean && !keep ? null : bed.directory };
  } finally {
    // After an interruption nobody asks for what happened.
    await bed.close({ remove: (isClean || signal.aborted) && !keep });
  }
}

const FINDINGS_SHOWN = 40;
const PROGRESS_MS = 5_000;

interface Storm {
  load: Load;
  client: PatientClient;
  faults: FaultDone[];
  store: StoreSeen;
  startedMs: number;
  stormEndMs: number;
  settledMs: number | null;
  tasksLeft: string[];
  traffic: EdgeCounts;
}

async function weather(bed: Bed, plan: StormPlan, options: ChaosOptions): Promise<Storm> {
  const { seed, seconds, width, rate, shapes, settleSeconds, signal, say } = options;
  const giveUp = new AbortController();
  const both = AbortSignal.any([signal, giveUp.signal]);
  const client = createPatientClient(bed.apiUrls, bed.adminToken, both);
  const ledger = join(bed.directory, 'ledger');
  const longTenths = seconds >= 240 ? 200 : 80;
  const load = await startLoad({
    client,
    chance: chanceOf(seed, 7),
    directory: bed.directory,
    host: bed.network.center,
    ledger,
    width,
    rate,
    shapes,
    longTenths,
    signal: both,
  });
  const startedMs = Date.now();
  const active = new Set<FaultDone>();
  const progress = setInterval(() => {
    const wrong = [...active].map(
      ({ kind, target, variant }) => `${kind}(${nameOf(target)}${variant && ` ${variant}`})`,
    );
    const second = Math.round((Date.now() - startedMs) / 1000);
    say(
      `${second} s: ${load.record.submissions.length} runs, ${load.underWay} under way; ${wrong.join(' ') || 'calm'}`,
    );
  }, PROGRESS_MS);
  try {
    const faults = await rage({
      bed,
      faults: plan.faults,
      seconds,
      signal,
      onFault: (fault, moment) => void (moment === 'begins' ? active.add(fault) : active.delete(fault)),
    });
    await bed.calm();
    signal.throwIfAborted();
    const stormEndMs = Date.now();
    say('the storm is over; settling');
    const timer = setTimeout(() => giveUp.abort(), settleSeconds * 1000);
    await load.finish();
    clearTimeout(timer);
    signal.throwIfAborted();
    const settled = await settle(bed, stormEndMs + settleSeconds * 1000, say);
    const settledMs = settled ? Date.now() - stormEndMs : null;
    say(settled ? `settled after ${settledMs} ms` : 'not settled in time');
    const tasksLeft = await tasksLeftOf(bed);
    const store = await readStore(bed.database.url);
    return {
      load,
      client,
      faults,
      store,
      startedMs,
      stormEndMs,
      settledMs,
      tasksLeft,
      traffic: total(Object.values(await bed.proxies.counts())),
    };
  } finally {
    giveUp.abort();
    clearInterval(progress);
    await load.close();
  }
}

function total(counts: EdgeCounts[]): EdgeCounts {
  const sums = noCounts();
  for (const each of counts) for (const name of Object.keys(sums) as (keyof EdgeCounts)[]) sums[name] += each[name];
  return sums;
}

function nameOf(target: string[]): string {
  return target.length === 1 ? target[0]! : `${target.length} edges`;
}

const OPEN = `
select 'run ' || id || ' of ' || workflow || ' is ' || state as open from run
  where state not in ('succeeded', 'stopped', 'failed', 'dependency_failed')
union all
select 'command ' || c.id || ' ' || c.action || ' of run ' || c.run_id || ' (' || r.state || ')' from command c join run r on r.id = c.run_id
  where c.done_at is null
limit 100`;
const SETTLE_SAY_MS = 5_000;

/** Whether nothing was open before the deadline. */
async function settle(bed: Bed, deadlineMs: number, say: (text: string) => void): Promise<boolean> {
  for (let sayAt = Date.now() + SETTLE_SAY_MS; ; await pause(200)) {
    const open = await ask<{ open: string }>(bed.database.url, OPEN);
    if (open.length === 0) return true;
    const now = Date.now();
    if (now > deadlineMs) return false;
    if (now < sayAt) continue;
    sayAt = now + SETTLE_SAY_MS;
    say(
      `open: ${open
        .slice(0, 5)
        .map((each) => each.open)
        .join('; ')}${open.length > 5 ? ` and ${open.length - 5} more` : ''}`,
    );
  }
}

const TASKS_GONE_MS = 30_000;

/** Processes of attempts, once all runs have ended; the last ones may just be going. */
async function tasksLeftOf(bed: Bed): Promise<string[]> {
  for (const endsAt = Date.now() + TASKS_GONE_MS; ; await pause(200)) {
    const left = bed.taskProcesses().map(({ pid, attempt, command }) => `${pid} of attempt ${attempt}: ${command}`);
    if (left.length === 0 || Date.now() > endsAt) return left;
  }
}

function evidenceOf(bed: Bed, { load, store }: Storm): Parameters<typeof judge>[0] {
  const { record } = load;
  return {
    ledger: readLedger(join(bed.directory, 'ledger')),
    runs: store.runs,
    tasks: store.tasks,
    attempts: store.attempts,
    transitions: store.transitions,
    openCommands: store.openCommands,
    missingCommands: record.commands.filter((id) => !store.commandIds.has(id)),
    submissions: record.submissions,
    definitions: store.definitions,
    groupSizes: GROUPS,
  };
}

interface End {
  audit: { text: string; ok: boolean };
  notEnded: string[];
  leftOver: string[];
}

async function endOf(bed: Bed, { tasksLeft }: Storm, say: (text: string) => void): Promise<End> {
  const audit = await auditOf(bed);
  say('ending the cluster');
  const { killed, leftOver } = await bed.shutDown();
  const left = [...tasksLeft, ...leftOver];
  for (const each of left) say(`left over: ${each.slice(0, 300)}`);
  return { audit, notEnded: killed, leftOver: left };
}

const BIN = fileURLToPath(new URL('../../packages/cli/bin/pelorus.mjs', import.meta.url));

/** The invariants as SQL, where this version has them. */
async function auditOf(bed: Bed): Promise<{ text: string; ok: boolean }> {
  const call = (...args: string[]): Promise<{ code: number; text: string }> =>
    new Promise((resolve) => {
      const env = { PATH: process.env['PATH'] ?? '', HOME: bed.directory, PELORUS_STORE: bed.database.url };
      execFile(
        process.execPath,
        [BIN, 'doctor', ...args],
        { env, cwd: bed.directory, timeout: 180_000 },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : 1, text: `${stdout}${stderr}`.trim() }),
      );
    });
  const help = await call('--help');
  if (!help.text.includes('--audit')) return { text: 'not available', ok: true };
  const { code, text } = await call('--audit');
  return { text: code === 0 ? 'ok' : text.slice(-2_000), ok: code === 0 };
}

interface Ending {
  options: ChaosOptions;
  plan: StormPlan;
  disks: boolean;
  storm: Storm;
  findings: Finding[];
  end: End;
}

function reportOf(bed: Bed, { options, plan, disks, storm, findings, end }: Ending): ChaosReport {
  const { store, faults, load, client } = storm;
  const count = (kind: FindingKind): number => findings.filter((finding) => finding.kind === kind).length;
  const succeeded = store.transitions.filter(({ kind, to }) => kind === 'attempt' && to === 'succeeded');
  const inStorm = succeeded.filter(({ atMs }) => atMs >= storm.startedMs && atMs <= storm.stormEndMs);
  const kinds = byKind(faults, store.transitions);
  const sum = (of: 'injected' | 'hit' | 'survived'): number =>
    Object.values(kinds).reduce((total, kind) => total + kind[of], 0);
  const bad = findings.length + client.violations.length + end.leftOver.length + end.notEnded.length;
  return {
    ok: bad === 0 && end.audit.ok,
    seed: options.seed,
    seconds: options.seconds,
    lost: count('lost'),
    doubled: count('doubled'),
    stalled: count('stalled'),
    wrong: count('wrong'),
    livedOn: count('lived-on'),
    apiViolations: client.violations.length,
    leftOver: end.leftOver.length,
    notEnded: end.notEnded,
    load: {
      runs: store.runs.length,
      tasks: store.tasks.length,
      attempts: store.attempts.length,
      tasksPerSecond: Math.round((inStorm.length / ((storm.stormEndMs - storm.startedMs) / 1000)) * 10) / 10,
      width: options.width,
      answers: client.counts,
    },
    faults: { injected: sum('injected'), hit: sum('hit'), survived: sum('survived'), byKind: kinds },
    impossible: plan.impossible,
    traffic: storm.traffic,
    lostAttempts: store.attempts.filter(({ state, cause }) => state === 'lost' && !isRefusal(cause)).length,
    refusedAttempts: store.attempts.filter(({ cause }) => isRefusal(cause)).length,
    selfExits: bed.selfExits(),
    measured: measure({
      faults,
      transitions: store.transitions,
      masters: store.masters,
      opsUrls: bed.opsUrls,
      kills: load.record.kills,
    }),
    settledMs: storm.settledMs,
    audit: end.audit.text,
    postgres: bed.database.version,
    disksOfTheirOwn: disks,
    hostsOfTheirOwn: bed.network.hasHosts,
    bootClocks: OWN_TIMES ? BOOT_CLOCKS : null,
    artefacts: null,
  };
}

function isRefusal(cause: string | null): boolean {
  return cause !== null && (JSON.parse(cause) as { kind: string }).kind === 'no_capacity';
}

function keepArtefacts(bed: Bed, storm: Storm, findings: Finding[], report: ChaosReport): void {
  const write = (name: string, value: unknown): void =>
    writeFileSync(join(bed.directory, name), JSON.stringify(value, null, 1));
  write('findings.json', findings);
  write('faults.json', storm.faults);
  write('client.json', { ...storm.load.record, violations: storm.client.violations satisfies Violation[] });
  write('transitions.json', storm.store.transitions);
  write('report.json', report);
}
