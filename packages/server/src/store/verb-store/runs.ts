/** Runs as people see them, and as a master loads them. */
import { upstreamFactOfRun, upstreamFactOfTask, type StoredRun, type UpstreamFact } from '@pelorus/engine';
import { commandIdOf, parseAttemptId, runIdOf } from '@pelorus/protocol';
import type { RunTexts } from '../read-verbs.ts';
import {
  decodeAttempt,
  decodeListedRun,
  decodeRun,
  decodeTaskRun,
  encodeNewRun,
  encodeTaskRun,
  parseRows,
  type Cell,
} from '../rows.ts';
import type { UpstreamRun } from '../upstream-facts.ts';
import type { StoreMethods } from './methods.ts';

export const RUNS = {
  submitRun: async ({ writer }, run) => {
    const taskRuns: Cell[] = [];
    for (const record of run.tasks) encodeTaskRun(taskRuns, record, 0);
    const { workflowVersion, idempotencyKey, requestHash = null } = run;
    const answer = await writer.call('submitRun', {
      making: encodeNewRun(run),
      workflowVersion,
      idempotencyKey,
      requestHash,
      taskRuns,
    });
    return { run: decodeRun(answer.run).spec, command: commandIdOf(answer.command), repeated: answer.repeated };
  },
  requestCommand: async ({ writer }, request) => commandIdOf(await writer.call('requestCommand', request)),
  getRun: async ({ people }, run) => parseRows(await people.call('getRun', run)).map(decodeRun)[0] ?? null,
  getRunDetail: async ({ people }, run) => runsOf(await people.call('getRunDetail', run))[0] ?? null,
  getAttempt: async ({ people }, attempt) => {
    const key = parseAttemptId(attempt);
    return key ? (parseRows(await people.call('getAttempt', key)).map(decodeAttempt)[0] ?? null) : null;
  },
  getCommand: ({ people }, command) => people.call('getCommand', command),
  listChildRuns: ({ people }, run, limit) => people.call('listChildRuns', { run, limit }),
  listRuns: async ({ people }, filter, from, size, options = {}) => {
    const page = await people.call('listRuns', { filter, from, size, ...options });
    return { total: page.total, rows: parseRows(page.runs).map(decodeListedRun) };
  },
  runStats: ({ people }, request) => people.call('runStats', request),
  runChanges: async ({ people }, run, version) => runsOf(await people.call('runChanges', { run, version }))[0] ?? null,
  runVersion: ({ people }, run) => people.call('runVersion', run),
  changesSince: async ({ people }, request) => {
    const { runs, runPositions, ...others } = await people.call('changesSince', request);
    return {
      ...others,
      runs: parseRows(runs).map((row, i) => ({ ...decodeListedRun(row), changed: runPositions[i]! })),
    };
  },
  changesPosition: ({ people }) => people.call('changesPosition', undefined),
  countTaskRuns: ({ people }, run) => people.call('countTaskRuns', run),
  countTaskRunsOf: ({ people }, runs) => people.call('countTaskRunsOf', runs),
  taskRunsOf: async ({ people }, runs) => {
    const records = parseRows(await people.call('taskRunsOf', runs)).map(decodeTaskRun);
    return Map.groupBy(records, (record) => record.run);
  },
  taskDurations: ({ people }, workflowId, limit) => people.call('taskDurations', { workflowId, limit }),
  listRunHeads: ({ people }, runs) => people.call('listRunHeads', runs),
  findSubmission: ({ people }, user, key, at) => people.call('findSubmission', { user, key, at }),
  upstreamFacts: async ({ master }, queries) => {
    const answers = await master.call('upstreamRuns', queries);
    return answers.map((found, i) => factOf(found, queries[i]!.task));
  },
  loadRuns: async ({ master }, runs) => {
    const found = new Map(runsOf(await master.call('loadRuns', runs)).map((run) => [run.spec.id, run]));
    return runs.flatMap((run) => found.get(run) ?? []);
  },
} satisfies Partial<StoreMethods>;

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
