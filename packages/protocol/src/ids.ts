/**
 * Ids are branded so that one kind cannot be passed for another.
 * A run id (`execId`) is a positive integer; an attempt id is `<runId>.<taskIndex>.<n>` and is also the
 * `jobId` by which logs are read; worker and master ids name one *incarnation* (one process start).
 */
declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

export type RunId = Branded<number, 'RunId'>;
export type AttemptId = Branded<string, 'AttemptId'>;
export type WorkerId = Branded<string, 'WorkerId'>;
export type MasterId = Branded<string, 'MasterId'>;
export type CommandId = Branded<number, 'CommandId'>;

export interface AttemptKey {
  run: RunId;
  /** Position of the task in its workflow version, from 0. */
  task: number;
  /** The how-manieth try this is, from 1. */
  n: number;
}

export function formatAttemptId(key: AttemptKey): AttemptId {
  return `${key.run}.${key.task}.${key.n}` as AttemptId;
}

/** Returns null for anything that is not `<runId>.<taskIndex>.<n>` in canonical decimal form. */
export function parseAttemptId(text: string): AttemptKey | null {
  const match = /^([1-9]\d{0,15})\.(0|[1-9]\d{0,6})\.([1-9]\d{0,6})$/.exec(text);
  if (!match) return null;
  return { run: Number(match[1]) as RunId, task: Number(match[2]), n: Number(match[3]) };
}

/** Returns null for anything that is not a positive safe integer in canonical decimal form. */
export function parseRunId(text: string): RunId | null {
  if (!/^[1-9]\d{0,15}$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? (value as RunId) : null;
}

export function runIdOf(value: number): RunId {
  return value as RunId;
}
export function commandIdOf(value: number): CommandId {
  return value as CommandId;
}
export function workerIdOf(value: string): WorkerId {
  return value as WorkerId;
}
export function masterIdOf(value: string): MasterId {
  return value as MasterId;
}
