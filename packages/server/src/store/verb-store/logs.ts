/** Logs that are kept in the database, and what is old of them. */
import { runIdOf } from '@pelorus/protocol';
import type { StoreMethods } from './methods.ts';

export const LOGS = {
  appendLog: ({ writer }, attempt, offset, bytes) => writer.call('appendLog', { attempt, offset, bytes }),
  markLogGap: ({ writer }, attempt, gap) => writer.call('markLogGap', { attempt, gap }),
  completeLog: ({ writer }, attempt, total) => writer.call('completeLog', { attempt, total }),
  dropLogChunks: ({ writer }, request) => writer.call('dropLogChunks', request),
  statLog: ({ people }, attempt) => people.call('statLog', attempt),
  readLog: ({ people }, attempt, offset, length) => people.call('readLog', { attempt, offset, length }),
  listLogRuns: async ({ people }, after, limit) => (await people.call('listLogRuns', { after, limit })).map(runIdOf),
  runsEndedBefore: async ({ people }, runs, at) => (await people.call('runsEndedBefore', { runs, at })).map(runIdOf),
} satisfies Partial<StoreMethods>;
