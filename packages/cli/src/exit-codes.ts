/** What the process tells its caller. Documented in docs/cli.md; scripts rely on the numbers. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  /** Wrong usage, or an invalid definition. */
  usage: 2,
  /** The run failed or was stopped. */
  runFailed: 3,
  /** Not signed in, or forbidden. */
  forbidden: 4,
  notFound: 5,
  conflict: 6,
  unreachable: 7,
  waitTimedOut: 8,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
