/** One line of JSON per figure, so that runs can be compared by program. */
export interface Figure {
  workload: string;
  store: string;
  metric: string;
  value: number;
  unit: string;
  /** How many samples, tasks or runs the figure is made of. */
  n: number;
}

export function print(figure: Figure): void {
  console.log(JSON.stringify({ ...figure, value: Number(figure.value.toPrecision(4)) }));
}

/** The p-th percentile (0 to 100) of samples, by nearest rank. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))] ?? Number.NaN;
}
