/** What the supervisor and the process that masks output say to each other, over the process's descriptor 3. */
import type { AttemptId } from '@pelorus/protocol';

export type SupervisorToMasker =
  /**
   * Read an attempt's output from a pipe, which is made when `pipe` is null, and append it, masked, to the log.
   * `secrets` null: they are not known any more, so nothing of it may be shown; it is read all the same, for the task's sake.
   */
  | { kind: 'open'; attempt: AttemptId; secrets: string[] | null; logPath: string; pipe: string | null }
  /** The task has ended: answered `drained` when all that it wrote until now is in the log. The stream stays until nobody writes. */
  | { kind: 'finish'; attempt: AttemptId };

export type MaskerToSupervisor =
  | { kind: 'ready' }
  | { kind: 'opened'; attempt: AttemptId; pipe: string }
  | { kind: 'failed'; attempt: AttemptId; detail: string }
  | { kind: 'drained'; attempt: AttemptId };

/** The descriptor of the channel in the masking process. */
export const MASKER_CHANNEL_FD = 3;
