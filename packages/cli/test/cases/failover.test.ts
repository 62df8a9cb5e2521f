/**
 * The process is killed while runs are in every state that a run can be in, and started again: what public schedulers preset in their
 * database for this, here really happens. Nothing may be lost, executed twice or left over.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isTerminalRun } from '@pelorus/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newPlace, processesOf, until, type DevProcess, type Place } from '../dev-process.ts';
import { CARRIED_OUT, CaseRun, PROJECT, same } from './case.ts';

interface Preset {
  name: string;
  yaml: string;
  others?: Record<string, string>;
  /** Brings the run into its state. */
  before: (run: CaseRun) => Promise<void>;
  /** The same, when all others are in theirs, for a state that does not last. */
  last?: (run: CaseRun) => Promise<void>;
  /** While nobody is there. */
  meanwhile?: (run: CaseRun) => void;
  /** After the start. */
  after?: (run: CaseRun) => Promise<void>;
  ends: string;
  /** What scripts have done, in all. */
  marks?: string[];
}

const running = async (run: CaseRun): Promise<void> => run.untilMark('a');

const KILLED: Preset[] = [
  {
    name: 'a running task goes on, and its end is heard',
    yaml: "tasks: { a: { run: '{mark a}; {gate}; echo v=1 >> \"$PELORUS_OUTPUT\"' }, b: { run: '{mark b}', needs: [a] } }",
    before: running,
    after: async (run) => run.open(),
    ends: 'succeeded: a succeeded, b succeeded',
    marks: ['a', 'b'],
  },
  {
    name: 'a task that ended meanwhile is not executed again',
    yaml: "tasks: { a: { run: '{mark a}; {gate}; {mark z}' }, b: { run: '{mark b}', needs: [a] } }",
    before: running,
    meanwhile: (run) => run.open(),
    ends: 'succeeded: a succeeded, b succeeded',
    marks: ['a', 'z', 'b'],
  },
  {
    name: 'a task that failed meanwhile has failed',
    yaml: "tasks: { a: { run: '{mark a}; {gate}; exit 5' }, b: { run: '{mark b}', needs: [a] } }",
    before: running,
    meanwhile: (run) => run.open(),
    ends: 'failed/exit: a failed/exit, b upstream_failed/upstream',
    marks: ['a'],
  },
  {
    name: 'a retry that was waited for comes',
    yaml: "tasks: { a: { run: '{mark a}; {gate first}; test -e {dir}/go', retry: { max: 1, interval: 12s } } }",
    before: running,
    last: async (run) => {
      run.open('first');
      await run.untilTask('a', 'retry_wait');
    },
    meanwhile: (run) => run.open(),
    ends: 'succeeded: a succeeded ×2',
    marks: ['a', 'a'],
  },
  {
    name: 'a delay that was running goes on',
    yaml: "tasks: { x: { run: '{gate first}' }, a: { run: '{mark a}', needs: [x], delay: 12s } }",
    before: async (run) => {
      await run.untilTask('x', 'running');
    },
    last: async (run) => {
      run.open('first');
      await run.untilTask('a', 'delayed');
    },
    ends: 'succeeded: x succeeded, a succeeded',
    marks: ['a'],
  },
  {
    name: 'a task that waits for its group still does',
    yaml: "tasks: { a: { run: '{mark a}; {gate}', taskGroup: { name: failover, priority: 9 } }, b: { run: '{mark b}', taskGroup: { name: failover } } }",
    before: async (run) => {
      await run.untilMark('a');
      await run.untilTask('b', 'queued');
    },
    after: async (run) => {
      same((await run.client.taskGroups.get('failover')).held, 1);
      same(run.marks(), ['a']);
      run.open();
    },
    ends: 'succeeded: a succeeded, b succeeded',
    marks: ['a', 'b'],
  },
  {
    name: 'a paused run stays paused until it is resumed',
    yaml: "tasks: { a: { run: '{mark a}; {gate}' }, b: { run: '{mark b}', needs: [a] } }",
    before: async (run) => {
      await run.untilMark('a');
      await run.client.runs.pause(run.id, CARRIED_OUT);
      run.open();
      await run.untilState('paused');
    },
    after: async (run) => {
      same(await run.text(), 'paused: a succeeded, b paused');
      await run.client.runs.resume(run.id);
    },
    ends: 'succeeded: a succeeded, b succeeded',
    marks: ['a', 'b'],
  },
  {
    name: 'a run that was being paused comes to rest',
    yaml: "tasks: { a: { run: '{mark a}; {gate}' }, b: { run: '{mark b}', needs: [a] } }",
    before: async (run) => {
      await run.untilMark('a');
      await run.client.runs.pause(run.id, CARRIED_OUT);
    },
    after: async (run) => {
      same((await run.client.runs.get(run.id)).state, 'pausing');
      run.open();
      await run.untilState('paused');
      await run.client.runs.resume(run.id);
    },
    ends: 'succeeded: a succeeded, b succeeded',
    marks: ['a', 'b'],
  },
  {
    name: 'a stop that was written is carried out',
    yaml: "tasks: { a: { run: \"trap '' TERM; {mark a}; {gate never}\" }, b: { run: '{mark b}', needs: [a] } }",
    before: async (run) => {
      await run.untilMark('a');
      await run.client.runs.stop(run.id);
    },
    ends: 'stopped/killed_by: a killed/killed_by, b killed/killed_by',
    marks: ['a'],
  },
  {
    name: 'the next of serial runs goes when the one before has ended',
    yaml: "concurrency: serial_wait\ntasks: { a: { run: '{mark a}; {gate}' } }",
    before: async (run) => {
      await run.untilMark('a');
      const first = run.id;
      run.id = await run.start();
      await run.untilState('waiting');
      same((await run.client.runs.get(first)).state, 'running');
    },
    meanwhile: (run) => run.open(),
    ends: 'succeeded: a succeeded',
    marks: ['a', 'a'],
  },
  {
    name: 'sub-workflows three deep go on',
    yaml: "tasks: { sub: { type: sub_workflow, workflow: '{w}-one' }, z: { run: '{mark z}', needs: [sub] } }",
    others: {
      three: "tasks: { c: { run: '{mark a}; {gate}' } }",
      two: "tasks: { sub: { type: sub_workflow, workflow: '{w}-three' } }",
      one: "tasks: { sub: { type: sub_workflow, workflow: '{w}-two' }, y: { run: '{mark y}', needs: [sub] } }",
    },
    before: running,
    meanwhile: (run) => run.open(),
    ends: 'succeeded: sub succeeded, z succeeded',
    marks: ['a', 'y', 'z'],
  },
  {
    name: 'a dependent goes on waiting',
    yaml: "tasks: { wait: { type: dependent, upstream: { workflow: '{w}-up', window: today }, checkInterval: 1s }, b: { run: '{mark b}', needs: [wait] } }",
    others: { up: "tasks: { u: { run: '{mark u}' } }" },
    before: async (run) => {
      await run.untilTask('wait', 'running');
    },
    after: async (run) => {
      await run.ended(await run.start({ workflow: `${run.workflow}-up` }));
    },
    ends: 'succeeded: wait succeeded, b succeeded',
    marks: ['u', 'b'],
  },
  {
    name: 'branches that were chosen stay chosen',
    yaml: `params: { n: 1 }
tasks:
  choose: { type: switch, cases: [{ when: '\${n} == 1', goto: yes }], default: no }
  yes: { run: '{mark a}; {gate}', needs: [choose] }
  no: { run: '{mark no}', needs: [choose] }
  join: { run: '{mark join}', needs: [yes, no] }
`,
    before: running,
    meanwhile: (run) => run.open(),
    ends: 'succeeded: choose succeeded, yes succeeded, no skipped/branch, join succeeded',
    marks: ['a', 'join'],
  },
  {
    name: 'a re-run keeps what it reuses',
    yaml: "failurePolicy: continue\ntasks: { x: { run: '{mark x}; echo v=7 >> \"$PELORUS_OUTPUT\"' }, y: { run: 'test -e {dir}/again && {mark a} && {gate}', needs: [x] } }",
    before: async (run) => {
      await run.ended();
      run.open('again');
      run.id = (await run.client.runs.rerun(run.id)).id;
      await run.untilMark('a');
    },
    meanwhile: (run) => run.open(),
    ends: 'succeeded: x reused, y succeeded',
    marks: ['x', 'a'],
  },
];

const LOST: Preset[] = [
  {
    name: 'rerun (the default): the attempt is lost, another one is made, no retry is used up',
    yaml: "tasks: { a: { run: 'if test -e {dir}/go; then {mark again}; else {mark a}; {gate never}; fi' }, b: { run: '{mark b}', needs: [a] } }",
    before: running,
    meanwhile: (run) => run.open(),
    after: async (run) => {
      await run.untilTask('a', 'succeeded');
      const { attempts, retries } = await run.task('a');
      same([attempts.map(({ state }) => state), retries], [['lost', 'succeeded'], 0]);
    },
    ends: 'succeeded: a succeeded ×2, b succeeded',
    marks: ['a', 'again', 'b'],
  },
  {
    name: 'fail: the task has failed with the worker as cause',
    yaml: "tasks: { a: { run: '{mark a}; {gate never}', onWorkerLost: fail }, b: { run: '{mark b}', needs: [a] } }",
    before: running,
    ends: 'failed/worker_lost: a failed/worker_lost, b upstream_failed/upstream',
    marks: ['a'],
  },
  {
    name: 'wait: nothing is repeated before a person has decided',
    yaml: "tasks: { a: { run: '{mark a}; {gate never}', onWorkerLost: wait }, b: { run: '{mark b}', needs: [a] } }",
    before: running,
    after: async (run) => {
      await until(
        async () => (await run.task('a')).waitReason !== null,
        () => 'nobody says that the worker is gone',
      );
      const { state, waitReason } = await run.task('a');
      same([state, /is gone: waiting .* decision/.test(waitReason ?? '')], ['running', true]);
      await run.client.runs.killTask(run.id, 'a');
    },
    ends: 'failed/killed_by: a killed/killed_by, b upstream_failed/upstream',
    marks: ['a'],
  },
];

describe.each([
  ['the process of server and master is killed', KILLED, killProcess],
  ['the machine goes down, tasks and all', LOST, killAll],
] as const)('%s', (_title, presets, kill) => {
  let place: Place;
  let server: DevProcess;
  const outcomes = new Map<Preset, Promise<Error | null>>();

  beforeAll(async () => {
    place = await newPlace();
    server = await place.dev('--no-samples');
    await server.client.projects.put(PROJECT);
    await server.client.taskGroups.put('failover', { size: 1 });
    const runs = presets.map((_, index) => new CaseRun(server.client, `f${index}`, place.directory));
    const begun = await Promise.allSettled(presets.map((preset, index) => begin(preset, runs[index]!)));
    const ready = await Promise.allSettled(presets.map(async (preset, index) => preset.last?.(runs[index]!)));
    await kill(server, place);
    for (const [index, preset] of presets.entries()) preset.meanwhile?.(runs[index]!);
    server = await place.dev('--no-samples');
    for (const [index, preset] of presets.entries()) {
      const run = runs[index]!;
      run.client = server.client;
      const failed = [begun[index]!, ready[index]!].find((each) => each.status === 'rejected');
      const outcome = failed ? Promise.reject(failed.reason as Error) : finish(preset, run);
      outcomes.set(
        preset,
        outcome.then(
          () => null,
          (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
        ),
      );
    }
  });
  afterAll(async () => place.clear());

  test.each(presets)('$name', async (preset) => {
    const error = await outcomes.get(preset);
    if (error) throw error;
  });

  test('at the end no run goes on, no attempt lives, no slot is held', async () => {
    await Promise.all(outcomes.values());
    const { items } = await server.client.runs.list({ project: PROJECT, limit: 200 });
    expect(items.filter((run) => !isTerminalRun(run.state)).map(({ id, state }) => ({ id, state }))).toEqual([]);
    for (const { id } of items) {
      const attempts = (await server.client.runs.tasks(id)).items.flatMap((task) => task.attempts);
      expect(
        attempts.filter((attempt) => attempt.endedAt === null),
        `attempts of run ${id}`,
      ).toEqual([]);
    }
    expect((await server.client.taskGroups.get('failover')).held).toBe(0);
  });
});

async function begin(preset: Preset, run: CaseRun): Promise<void> {
  for (const [name, yaml] of Object.entries(preset.others ?? {})) await run.save(yaml, `${run.workflow}-${name}`);
  await run.save(preset.yaml);
  run.id = await run.start();
  await preset.before(run);
}

async function finish(preset: Preset, run: CaseRun): Promise<void> {
  await preset.after?.(run);
  same(await run.ended(), preset.ends);
  if (preset.marks !== undefined) same(run.marks(), preset.marks);
}

async function killProcess(server: DevProcess): Promise<void> {
  server.signal('SIGKILL');
  await server.ended;
}

/** Everything that belongs to the place, tasks included: halted first, so that nobody sees the end of another. */
async function killAll(server: DevProcess, place: Place): Promise<void> {
  const halted = new Set<number>();
  for (let found = family(server, place); found.some((pid) => !halted.has(pid)); found = family(server, place)) {
    for (const pid of found) if (signalled(pid, 'SIGSTOP')) halted.add(pid);
  }
  for (const pid of halted) signalled(pid, 'SIGKILL');
  await server.ended;
  await until(
    () => processesOf(place.directory).length === 0,
    () => `still there: ${processesOf(place.directory).join('; ')}`,
  );
}

/** The server, whoever works for the place, and all who descend from them. */
function family(server: DevProcess, place: Place): number[] {
  const members = new Set([server.pid, ...processesOf(place.directory).map((line) => Number(line.split(' ', 1)[0]))]);
  const parents = parentsOfAll();
  for (let before = -1; before < members.size;) {
    before = members.size;
    for (const [pid, parent] of parents) if (members.has(parent)) members.add(pid);
  }
  return [...members].filter((pid) => parents.has(pid));
}

function parentsOfAll(): Map<number, number> {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8');
      const parent = /^PPid:\s+(\d+)/m.exec(status)?.[1];
      if (parent !== undefined && !/^State:\s+Z/m.test(status)) parents.set(Number(entry), Number(parent));
    } catch {
      // It has ended meanwhile.
    }
  }
  return parents;
}

/** False when there is no such process any more. */
function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
