/** For `vi.waitFor`, whose own limit is a second: longer than what a slow machine needs, for what would never come. */
export const WAIT = { timeout: 120_000, interval: 20 };
