/**
 * What public schedulers check in their integration suites, held against one real `pelorus dev`. All cases run at the same time, so
 * that they also disturb one another; each test below reports one of them.
 */
import { isTerminalRun } from '@pelorus/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newPlace, processesOf, type DevProcess, type Place } from '../dev-process.ts';
import { BRANCHES } from './branches.ts';
import { CaseRun, play, PROJECT, type Case } from './case.ts';
import { CONTROLS } from './control.ts';
import { PARAMETERS } from './parameters.ts';
import { POLICIES } from './policies.ts';
import { STARTS } from './start.ts';

const TABLES: Record<string, Case[]> = {
  starting: STARTS,
  policies: POLICIES,
  branches: BRANCHES,
  control: CONTROLS,
  parameters: PARAMETERS,
};
const CASES = Object.values(TABLES).flat();
const GROUPS = {
  'cases-one': 1,
  'cases-across': 1,
  'cases-three': 3,
  'cases-order': 1,
  'cases-kill': 1,
  'cases-urgent': 1,
};
/** Enough for them to meet, few enough for a busy machine. */
const AT_ONCE = 24;

let place: Place;
let server: DevProcess;
const outcomes = new Map<Case, Promise<Error | null>>();

beforeAll(async () => {
  place = await newPlace();
  server = await place.dev('--no-samples');
  await server.client.projects.put(PROJECT);
  for (const [name, size] of Object.entries(GROUPS)) await server.client.taskGroups.put(name, { size });
  startAll();
});
afterAll(async () => place.clear());

/** Null for a case that came out as it says, else the error. */
function startAll(): void {
  const lanes: Promise<unknown>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve());
  for (const [index, one] of CASES.entries()) {
    const run = new CaseRun(server.client, `c${index}`, place.directory);
    const outcome = (lanes[index % AT_ONCE] ?? Promise.resolve())
      .then(() => play(one, run))
      .then(
        () => null,
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      );
    lanes[index % AT_ONCE] = outcome;
    outcomes.set(one, outcome);
  }
}

for (const [group, cases] of Object.entries(TABLES)) {
  describe(group, () => {
    const report = async (one: Case): Promise<void> => {
      const error = await outcomes.get(one);
      if (error) throw error;
    };
    test.each(cases.filter(({ open }) => open === undefined))('$name', report);
    test.fails.each(cases.filter(({ open }) => open !== undefined))('$name', report);
  });
}

describe('at the end', () => {
  test('no run goes on, no attempt lives, no slot is held, no process is left', async () => {
    await Promise.all(outcomes.values());
    const { client } = server;
    const runs = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await client.runs.list({
        project: PROJECT,
        limit: 200,
        ...(cursor === undefined ? {} : { cursor }),
      });
      runs.push(...page.items);
      cursor = page.nextCursor;
    }
    expect(runs.length).toBeGreaterThan(CASES.length);
    expect(runs.filter((run) => !isTerminalRun(run.state)).map(({ id, state }) => ({ id, state }))).toEqual([]);
    for (const { id } of runs) {
      const { items } = await client.runs.tasks(id);
      const live = items.flatMap((task) => task.attempts).filter((attempt) => attempt.endedAt === null);
      expect(live, `attempts of run ${id}`).toEqual([]);
    }
    const { items: groups } = await client.taskGroups.list();
    expect(groups.map(({ name, held, waitingTasks }) => ({ name, held, waitingTasks }))).toEqual(
      Object.keys(GROUPS)
        .toSorted()
        .map((name) => ({ name, held: 0, waitingTasks: 0 })),
    );
    const ofTasks = processesOf(place.directory).filter((line) => !line.includes('pelorus-guardian'));
    expect(ofTasks.filter((line) => /sleep|until test|c\d+\/never/.test(line))).toEqual([]);
  });

  test('there are as many cases as public suites have', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(90);
    expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
  });
});
