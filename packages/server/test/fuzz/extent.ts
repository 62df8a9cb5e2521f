/**
 * Of a test with random inputs: the same ones each time, so that nothing but a change of the code makes it fail. With `PELORUS_FUZZ_RUNS`
 * so many others, which nobody has tried.
 */
export function extentOf(numRuns: number): { numRuns: number; seed?: number } {
  const wanted = process.env['PELORUS_FUZZ_RUNS'];
  return wanted === undefined ? { numRuns, seed: 1 } : { numRuns: Number(wanted) };
}
