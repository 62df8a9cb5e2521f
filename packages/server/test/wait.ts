/** For `vi.waitFor`, whose own limit is a second: longer than what a slow machine needs, for what would never come. */
export const WAIT = { timeout: 120_000, interval: 20 };

/** For limits that a test is not about, of statements and of answers: a slow machine does not reach it. */
export const PATIENCE_MS = 120_000;

/** Of masters that are not to be taken for dead, however slow the machine is. */
export const LONG_LEASE_MS = 3_600_000;
