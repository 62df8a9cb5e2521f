/** What to show of a history that broke an invariant: it is played once more, this time with somebody listening. */
import { type HistoryOptions, type HistoryReport, playHistory } from './history.ts';

const LAST_LINES = 200;

/** The invariant, the last events before it broke and the command that shows it again. */
export function explain(report: HistoryReport, options: Omit<HistoryOptions, 'seed' | 'trace'> = {}): string {
  const { seed, violation, steps } = report;
  if (!violation) return `seed ${seed}: nothing broke`;
  const lines: string[] = [];
  const again = playHistory({
    ...options,
    seed,
    trace: (line) => {
      lines.push(line);
      if (lines.length > LAST_LINES * 2) lines.splice(0, LAST_LINES);
    },
  });
  const same = again.violation?.message === violation.message && again.steps === steps;
  return [
    ...lines.slice(-LAST_LINES),
    '',
    `${violation.invariant} broken after ${steps} steps: ${violation.message}`,
    same
      ? `again: npm run sim -- --seed ${seed} --verbose`
      : `NOT REPRODUCED: the second time it ended after ${again.steps} steps with ${again.violation?.message ?? 'nothing broken'}`,
  ].join('\n');
}
