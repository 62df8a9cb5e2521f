/** Orders to run again a run that has ended, or a part of it, as the API makes them. */
import type { TaskDefinition } from '@pelorus/protocol';
import { type PlanRequest, planRun, type PreviousRun, type TaskRunRecord, type WorkflowVersion } from '../src/index.ts';
import type { Random } from './random.ts';
import type { DurableRun, RunOrder } from './store-model.ts';

export interface OrderedAgain {
  order: RunOrder;
  /** What the run starts with: results that it takes over. */
  rows: Omit<TaskRunRecord, 'run'>[];
}

const MODES = {
  whole: 'repeat',
  node: 'node',
  selected: 'selected',
  'rerun-failed': 'rerun-failed',
  'rerun-from': 'rerun-from',
} as const;

/** Null when the plan would run nothing. `versions` are all that there are of the workflow. */
export function orderAgain(
  random: Random,
  earlier: DurableRun,
  versions: readonly WorkflowVersion[],
  at: number,
): OrderedAgain | null {
  const version = random.chance(0.6) ? earlier.workflow : versions.at(-1)!;
  const request = randomRequest(random, earlier, version.definition.tasks);
  const planned = planRun(version.definition, request, at);
  if (planned.kind === 'refused') return null;
  const { id, depth: _depth, gate: _gate, ...settings } = earlier.spec;
  const order: RunOrder = {
    ...settings,
    workflowVersion: version.version,
    mode: MODES[request.kind],
    plan: planned.plan,
    rerunOf: id,
    parent: null,
    submittedAt: at,
  };
  return { order, rows: planned.reused };
}

function randomRequest(random: Random, earlier: DurableRun, tasks: readonly TaskDefinition[]): PlanRequest {
  const { spec, workflow } = earlier;
  const rows = earlier.tasks.filter((record) => record !== undefined);
  const { definition } = workflow;
  const previous: PreviousRun = { run: spec.id, definition, plan: spec.plan, tasks: rows, dryRun: spec.dryRun };
  const task = random.pick(tasks).name;
  switch (random.pick(['failed', 'failed', 'failed', 'from', 'from', 'whole', 'node', 'selected'])) {
    case 'failed':
      return { kind: 'rerun-failed', previous };
    case 'from':
      return { kind: 'rerun-from', previous, task };
    case 'node':
      return { kind: 'node', tasks: [task], dep: random.pick(['NODE_ONLY', 'NODE_POST', 'NODE_PRE']) };
    case 'selected':
      return { kind: 'selected', tasks: [task, random.pick(tasks).name] };
    default:
      return { kind: 'whole' };
  }
}
