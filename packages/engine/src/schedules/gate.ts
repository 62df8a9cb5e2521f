/**
 * What a run of a schedule waits for before it starts: its schedule's run before it, and other workflows' runs of the cycle that
 * covers its logical date. Questions to the store and a verdict on the answers, as for `dependent` tasks. Pure.
 */
import { phrase } from '@pelorus/protocol/vocabulary';
import type { UpstreamVerdict } from '../events.ts';
import type { RunSpec } from '../records.ts';
import type { UpstreamFact, UpstreamQuery } from '../upstream.ts';

/** How often a run that waits asks again. */
export const GATE_CHECK_MS = 10_000;

/** What the store has to be asked, in the order in which `judgeGate` takes the answers. */
export function gateQueries({
  id,
  project,
  workflow,
  gate,
}: Pick<RunSpec, 'id' | 'project' | 'workflow' | 'gate'>): UpstreamQuery[] {
  if (!gate) return [];
  const { previous } = gate;
  const queries: UpstreamQuery[] = [];
  // By its logical date: when it failed and somebody ran it again, the run that succeeded counts.
  if (previous) {
    const { logicalDateAt: from } = previous;
    queries.push({ project, workflow, task: null, from, to: from + 1, except: id });
  }
  for (const cycle of gate.workflows) queries.push({ ...cycle, task: null, except: id });
  return queries;
}

/** Fails as soon as one of them has failed; satisfied when all have succeeded. A previous run that is no longer there keeps nobody waiting. */
export function judgeGate({ gate }: Pick<RunSpec, 'gate'>, facts: readonly UpstreamFact[]): UpstreamVerdict {
  if (!gate) return { kind: 'satisfied', detail: 'nothing is waited for' };
  const { previous, workflows } = gate;
  const verdicts: UpstreamVerdict[] = [];
  if (previous) verdicts.push(verdictOfPrevious(facts[0]!));
  for (const [i, { project, workflow, from, to }] of workflows.entries()) {
    const [first, last] = [new Date(from).toISOString(), new Date(to - 1).toISOString()];
    const cycle = { workflow: `${project}/${workflow}`, from: first, to: last };
    verdicts.push(verdictOfCycle(facts[i + (previous ? 1 : 0)]!, cycle));
  }
  const first = verdicts.find(({ kind }) => kind === 'failed') ?? verdicts.find(({ kind }) => kind === 'waiting');
  return first ?? { kind: 'satisfied', detail: verdicts.map(({ detail }) => detail).join('; ') };
}

function verdictOfPrevious(fact: UpstreamFact): UpstreamVerdict {
  switch (fact.kind) {
    case 'none':
      return { kind: 'satisfied', detail: 'the run before it has not run' };
    case 'running':
      return { kind: 'waiting', detail: phrase('previous_running', { run: fact.runId }) };
    case 'succeeded':
      return { kind: 'satisfied', detail: `the run before it succeeded: run ${fact.runId}` };
    case 'failed':
      return { kind: 'failed', detail: phrase('previous_failed', { run: fact.runId }) };
  }
}

function verdictOfCycle(fact: UpstreamFact, cycle: { workflow: string; from: string; to: string }): UpstreamVerdict {
  switch (fact.kind) {
    case 'none':
      return { kind: 'waiting', detail: phrase('cycle_none', cycle) };
    case 'running':
      return { kind: 'waiting', detail: phrase('cycle_running', { ...cycle, run: fact.runId }) };
    case 'succeeded':
      return { kind: 'satisfied', detail: `workflow ${cycle.workflow} succeeded: run ${fact.runId}` };
    case 'failed':
      return { kind: 'failed', detail: phrase('cycle_failed', { ...cycle, run: fact.runId }) };
  }
}
