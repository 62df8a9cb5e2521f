/**
 * Secrets in answers. Workers mask what tasks say before anybody can store it; here it is done once more, over everything
 * that runs answer with: parameters, outputs, causes, log lines.
 *
 * Owns: per project what is masked, as of a moment ago. Invariant: what a request of this process has changed is known to the next one.
 */
import type { Cause } from '@pelorus/protocol';
import type { ApiStore, RunDetail, RunRow } from '../store/port.ts';
import { projectMask, type Mask, type Vault } from '../vault/index.ts';
import { API_LIMITS } from './limits.ts';

export interface Masks {
  /** Null: nothing of the project has to be hidden. */
  of(projectId: number): Promise<Mask | null>;
  /** Something of the project's vault has just been changed. */
  changed(projectId: number): void;
}

interface Kept {
  version: number;
  mask: Mask | null;
  lookedAt: number;
}

export function createMasks(
  store: Pick<ApiStore, 'loadVault'>,
  vault: Vault,
  now: () => number = () => performance.now(),
): Masks {
  const kept = new Map<number, Kept>();

  const look = async (projectId: number): Promise<Mask | null> => {
    const before = kept.get(projectId);
    const lookedAt = now();
    if (before && lookedAt - before.lookedAt < API_LIMITS.maskAgeMs) return before.mask;
    const rows = await store.loadVault(projectId, before?.version ?? null);
    const { version, mask } = rows
      ? { version: rows.version, mask: projectMask(vault, projectId, rows) }
      : { version: before?.version ?? 0, mask: before?.mask ?? null };
    kept.delete(projectId);
    kept.set(projectId, { version, mask, lookedAt });
    const oldest = kept.keys().next();
    if (kept.size > API_LIMITS.cachedMasks && oldest.done !== true) kept.delete(oldest.value);
    return mask;
  };
  return { of: look, changed: (projectId) => void kept.delete(projectId) };
}

type Maskable = Pick<RunRow, 'spec'> & Partial<Pick<RunDetail, 'status' | 'tasks' | 'attempts'>>;

/** A run, as far as it is there, as it may be shown. The same object where nothing had to be hidden. */
export function maskRun<Row extends Maskable>(row: Row, mask: Mask | null): Row {
  if (mask === null) return row;
  const { spec, status, tasks, attempts } = row;
  return {
    ...row,
    spec: { ...spec, params: maskedValues(spec.params, mask), extras: maskedJson(spec.extras, mask) },
    ...(status && { status: withMaskedCauses(status, mask) }),
    ...(tasks && {
      tasks: tasks.map((record) => ({
        ...withMaskedCause(record, mask),
        outputs: record.outputs && maskedValues(record.outputs, mask),
      })),
    }),
    ...(attempts && { attempts: attempts.map((record) => withMaskedCause(record, mask)) }),
  };
}

function maskedValues<Value>(values: Record<string, Value>, mask: Mask): Record<string, Value> {
  const entries = Object.entries(values).map(([name, value]) => [mask.text(name), maskedValue(value, mask)] as const);
  return Object.fromEntries(entries);
}

/** A number may be a secret, too; then it is shown as a text. */
function maskedValue<Value>(value: Value, mask: Mask): Value {
  if (typeof value !== 'string' && typeof value !== 'number') return value;
  const text = mask.text(String(value));
  return text === String(value) ? value : (text as Value);
}

function maskedJson(value: unknown, mask: Mask): unknown {
  if (value === null || value === undefined) return value;
  const text = JSON.stringify(value);
  const masked = mask.text(text);
  return masked === text ? value : parsedOr(masked);
}

/** What was masked need not be JSON any more. */
function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return '***';
  }
}

function withMaskedCause<Record extends { cause: Cause | null }>(record: Record, mask: Mask): Record {
  return record.cause === null ? record : { ...record, cause: maskedCause(record.cause, mask) };
}

function withMaskedCauses(status: RunRow['status'], mask: Mask): RunRow['status'] {
  const { firstFailure } = status;
  return {
    ...withMaskedCause(status, mask),
    firstFailure: firstFailure && { ...firstFailure, cause: maskedCause(firstFailure.cause, mask) },
  };
}

function maskedCause(cause: Cause, mask: Mask): Cause {
  return 'detail' in cause && typeof cause.detail === 'string' ? { ...cause, detail: mask.text(cause.detail) } : cause;
}

/** The store as handlers see it: what it answers about runs is masked. What is written is as it was given. */
export function withMasks<Store extends ApiStore>(store: Store, masks: Masks): Store {
  const shown = async <Row extends Maskable & RunRow>(row: Row): Promise<Row> =>
    maskRun(row, await masks.of(row.spec.projectId));
  const shownOrNull = async <Row extends Maskable & RunRow>(row: Row | null): Promise<Row | null> =>
    row === null ? null : shown(row);
  const own: Partial<ApiStore> = {
    audited: (stamp) => withMasks(store.audited(stamp), masks),
    getRun: async (run) => shownOrNull(await store.getRun(run)),
    getRunDetail: async (run) => shownOrNull(await store.getRunDetail(run)),
    listRuns: async (...request) => {
      const page = await store.listRuns(...request);
      return { ...page, rows: await Promise.all(page.rows.map(shown)) };
    },
    runChanges: async (...request) => shownOrNull(await store.runChanges(...request)),
    changesSince: async (request) => {
      const changes = await store.changesSince(request);
      return { ...changes, runs: await Promise.all(changes.runs.map(shown)) };
    },
  };
  return new Proxy(store, {
    get: (target, name) => {
      const replaced = (own as Record<PropertyKey, unknown>)[name];
      if (replaced !== undefined) return replaced;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
