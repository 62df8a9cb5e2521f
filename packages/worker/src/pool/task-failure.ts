import type { Cause } from '@pelorus/protocol';

/** A task ended in a way that has a cause of its own. Thrown inside a call, turned into its outcome. */
export class TaskFailure extends Error {
  readonly failureCause: Cause;
  constructor(failureCause: Cause, message: string) {
    super(message);
    this.name = 'TaskFailure';
    this.failureCause = failureCause;
  }
}

/** The definition or its parameters cannot be carried out. */
export function invalidTask(detail: string): TaskFailure {
  return new TaskFailure({ kind: 'invalid', detail }, detail);
}

/** The task did what it was told and it did not work. */
export function failedTask(detail: string): TaskFailure {
  return new TaskFailure({ kind: 'error', detail }, detail);
}

/** The cause that an error of any kind stands for. */
export function causeOfError(error: unknown): Cause {
  if (error instanceof TaskFailure) return error.failureCause;
  return { kind: 'error', detail: describeError(error) };
}

/** One line about an error, with the causes behind it. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${own} (${describeError(error.cause)})` : own;
}
