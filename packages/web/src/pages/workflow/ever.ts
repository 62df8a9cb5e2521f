/** Lists of runs go back a week unless something else is said; this is since ever. */
export const EVER = '1970-01-01T00:00:00Z';
