/** Every limit of the product has a name, a number and a unit, here. */
const MIB = 1024 * 1024;
const KIB = 1024;

export const LIMITS = {
  /** Tasks in one workflow that can be saved. */
  tasksPerWorkflow: 100_000,
  /** One text field of a definition. */
  definitionFieldBytes: 1 * MIB,
  /** A whole definition, as text. */
  definitionBytes: 64 * MIB,
  outputsBytesPerAttempt: 256 * KIB,
  parameterBytes: 64 * KIB,
  requestBodyBytes: 64 * MIB,
  listPageSize: 1000,
  logPageLines: 1000,
  logLineBytes: 64 * KIB,
  logBytesPerAttempt: 1024 * MIB,
  /** Bytes of one piece of a log on the wire. */
  logPieceBytes: 256 * KIB,
  /** Gaps of one log; one more is joined with the last. */
  logGaps: 1000,
  /** Log bytes that a worker keeps for a log store which takes nothing; beyond that the oldest become a gap. */
  logSpoolBytes: 4096 * MIB,
  retryMax: 1000,
  runTimeoutMaxMs: 366 * 86_400_000,
  definitionProblems: 200,
  masterMailbox: 50_000,
  activeRunsPerMaster: 100_000,
  commandsPerClaim: 256,
  killGraceMs: 10_000,
  /** How long a worker may go on with an attempt without hearing from a master, unless the task says otherwise. */
  executionLeaseMs: 60_000,
  /** What a task may say: several heartbeats at least, for one may be lost. */
  executionLeaseMinMs: 20_000,
  executionLeaseMaxMs: 86_400_000,
  subWorkflowDepth: 16,
} as const;
