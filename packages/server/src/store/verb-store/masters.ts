/** What a master asks for to drive its runs: its incarnation, commands, commits, permits. */
import { runIdOf, type CommandId } from '@pelorus/protocol';
import type { FairClaim } from '../port.ts';
import { COMMAND_COLUMNS, decodeCommand, encodeChanges } from '../rows.ts';
import { done, type StoreMethods } from './methods.ts';

export const MASTERS = {
  registerMaster: ({ writer }, master) => writer.call('registerMaster', master),
  releaseMaster: ({ writer }, fence) => done(writer.call('releaseMaster', { fence })),
  renewMaster: ({ writer }, fence, at, confirmed) => writer.call('renewMaster', { fence, at, confirmed }),
  loadTimeline: ({ master }) => master.call('loadTimeline', undefined),
  claimCommands: async ({ writer }, fence, after, limit, { ownOnly = false } = {}) =>
    (await writer.call('claimCommands', { fence, after, limit, ownOnly })).map(decodeCommand),
  claimFairly: async ({ writer }, fence, ask) => {
    const after = [...ask.after];
    const { starts, orders } = await writer.call('claimFairly', { fence, ...ask, after });
    const looked: FairClaim['looked'] = new Map();
    for (const row of starts) {
      const [id, project] = [row[0] as CommandId, row[COMMAND_COLUMNS.length] as number];
      looked.set(project, { count: (looked.get(project)?.count ?? 0) + 1, last: id });
    }
    const own = starts.filter((row) => row.at(-1) === 1);
    return { commands: [...own, ...orders].map(decodeCommand).toSorted((a, b) => a.id - b.id), looked };
  },
  adoptRuns: async ({ writer }, fence, after, limit) =>
    (await writer.call('adoptRuns', { fence, after, limit })).map(runIdOf),
  commit: ({ writer }, fence, changes) => writer.call('commit', { fence, rows: encodeChanges(changes) }),
  housekeep: ({ writer }) => done(writer.call('housekeep', undefined)),
  workerSeenAt: ({ master }, worker) => master.call('workerSeenAt', worker),
  takePermits: async ({ writer }, fence, ask) =>
    (await writer.call('takePermits', { fence, ask })).map((key) => ({ ...key, run: runIdOf(key.run) })),
} satisfies Partial<StoreMethods>;
