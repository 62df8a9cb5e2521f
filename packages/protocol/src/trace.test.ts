import { describe, expect, it } from 'vitest';
import { runIdOf } from './ids.ts';
import { attemptSpanIdOf, runSpanIdOf, traceIdOf, traceparentOf } from './trace.ts';

const run = { id: runIdOf(1379), submittedAt: 1_790_000_000_000 };

describe('the names of runs and attempts in traces', () => {
  it('are the same whenever and wherever they are made', () => {
    // Written down once: a master of another version must continue the trace of this one.
    expect([traceIdOf(run), runSpanIdOf(run), attemptSpanIdOf(run, { task: 2, n: 1 })]).toMatchInlineSnapshot(`
      [
        "7067326c56191a72005d804f172e0607",
        "8e1285af8d77d982",
        "7ddc8c2f7893ccb6",
      ]
    `);
  });

  it('make a TRACEPARENT of the standard', () => {
    expect(traceparentOf(run, { task: 0, n: 1 })).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/);
    expect(traceparentOf(run, { task: 0, n: 1 })).toBe(
      `00-${traceIdOf(run)}-${attemptSpanIdOf(run, { task: 0, n: 1 })}-01`,
    );
  });

  it('differ for every run, task and attempt, and for a run of the same id in another installation', () => {
    const traces = new Set<string>();
    const spans = new Set<string>();
    for (let id = 1; id <= 2_000; id++) {
      for (const submittedAt of [run.submittedAt, run.submittedAt + 1]) {
        const traced = { id: runIdOf(id), submittedAt };
        traces.add(traceIdOf(traced));
        spans.add(runSpanIdOf(traced));
        for (let task = 0; task < 5; task++)
          for (let n = 1; n <= 3; n++) spans.add(attemptSpanIdOf(traced, { task, n }));
      }
    }
    expect([traces.size, spans.size]).toEqual([4_000, 4_000 * 16]);
    const large = { id: runIdOf(Number.MAX_SAFE_INTEGER), submittedAt: run.submittedAt };
    expect(traceIdOf(large)).not.toBe(traceIdOf({ ...large, id: runIdOf(Number.MAX_SAFE_INTEGER % 2 ** 32) }));
  });
});
