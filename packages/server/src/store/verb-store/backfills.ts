/** Backfills, and operations on many runs. */
import type { StoreMethods } from './methods.ts';

export const BACKFILLS = {
  createBackfill: ({ writer }, backfill, key) => writer.call('createBackfill', { backfill, key }),
  getBackfill: ({ people }, id) => people.call('getBackfill', id),
  listBackfills: ({ people }, filter) => people.call('listBackfills', filter),
  listBackfillDates: ({ people }, id, filter) => people.call('listBackfillDates', { id, filter }),
  stopBackfill: ({ writer }, request) => writer.call('stopBackfill', request),
  pauseBackfill: ({ writer }, request) => writer.call('pauseBackfill', request),
  resumeBackfill: ({ writer }, request) => writer.call('resumeBackfill', request),
  retryBackfill: ({ writer }, request) => writer.call('retryBackfill', request),
  listUpstreams: ({ people }, filter) => people.call('listUpstreams', filter),
  createBulkOperation: ({ writer }, operation, key) => writer.call('createBulkOperation', { operation, key }),
  getBulkOperation: ({ people }, id) => people.call('getBulkOperation', id),
  listBulkOperations: ({ people }, filter) => people.call('listBulkOperations', filter),
  listBulkItems: ({ people }, operation, filter) => people.call('listBulkItems', { operation, filter }),
  claimBulkOperation: ({ writer }, holder, at, leaseMs) => writer.call('claimBulkOperation', { holder, at, leaseMs }),
  settleBulkItems: ({ writer }, operation, holder, settled) =>
    writer.call('settleBulkItems', { operation, holder, settled }),
} satisfies Partial<StoreMethods>;
