/**
 * What a run of a schedule waits for before it starts: its schedule's run before it, and other workflows' runs of the cycle that
 * covers its logical date. Questions to the store and a verdict on the answers, as for `dependent` tasks. Pure.
 */
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
  if (previous) verdicts.push(verdictOf(facts[0]!, 'the run before it', 'satisfied'));
  for (const [i, { project, workflow, from, to }] of workflows.entries()) {
    const span = `${new Date(from).toISOString()} to ${new Date(to - 1).toISOString()}`;
    verdicts.push(verdictOf(facts[i + (previous ? 1 : 0)]!, `workflow ${project}/${workflow}, ${span},`, 'waiting'));
  }
  const first = verdicts.find(({ kind }) => kind === 'failed') ?? verdicts.find(({ kind }) => kind === 'waiting');
  return first ?? { kind: 'satisfied', detail: verdicts.map(({ detail }) => detail).join('; ') };
}

function verdictOf(fact: UpstreamFact, subject: string, none: 'satisfied' | 'waiting'): UpstreamVerdict {
  switch (fact.kind) {
    case 'none':
      return { kind: none, detail: `${subject} has not run` };
    case 'running':
      return { kind: 'waiting', detail: `${subject} has not ended: run ${fact.runId}` };
    case 'succeeded':
      return { kind: 'satisfied', detail: `${subject} succeeded: run ${fact.runId}` };
    case 'failed':
      return { kind: 'failed', detail: `${subject} did not succeed: run ${fact.runId}` };
  }
}
