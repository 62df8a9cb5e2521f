/** Pure `decide`/`apply` over one DAG of 100,000 tasks in 1,000 layers of 100, each task with three predecessors. No store. */
import { apply, type Decision, decide, type Event, openRun, type Run, type RunSpec } from '@pelorus/engine';
import { type AttemptOutcome, formatAttemptId, runIdOf, type WorkflowDefinition, workerIdOf } from '@pelorus/protocol';
import { layeredWorkflow } from './workflows.ts';
import { print } from './figure.ts';

const LAYERS = 1000;
const WIDTH = 100;
const OUTCOME: AttemptOutcome = {
  state: 'succeeded',
  cause: null,
  outputs: {},
  outputsTruncated: false,
  startedAt: 0,
  endedAt: 0,
};

export function benchEngine(): void {
  const definition = layeredWorkflow(LAYERS, WIDTH);
  const before = memoryBytes();
  const openedAt = performance.now();
  const run = newRun(definition);
  const opened = performance.now() - openedAt;
  const startedAt = performance.now();
  const transitions = drive(run);
  const seconds = (performance.now() - startedAt) / 1000;
  const figure = { workload: 'engine', store: 'none', n: definition.tasks.length };
  print({ ...figure, metric: 'transitions', value: transitions / seconds, unit: '1/s' });
  print({ ...figure, metric: 'open', value: opened, unit: 'ms' });
  print({ ...figure, metric: 'memory', value: (memoryBytes() - before) / 1e6, unit: 'MB' });
  if (run.status.state !== 'succeeded') throw new Error(`the run ended ${run.status.state}`);
}

function memoryBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

/** Every ready task is placed, reported running and reported finished, first come first served; counts task-run changes. */
function drive(run: Run): number {
  const ready: number[] = [];
  let transitions = 0;
  const step = (event: Event): void => {
    const decision: Decision = decide(run, event);
    apply(run, decision.changes);
    for (const change of decision.changes) if (change.kind === 'task-run') transitions++;
    for (const effect of decision.effects) if (effect.kind === 'ready') ready.push(effect.task);
  };
  const worker = workerIdOf('w1');
  step({ kind: 'command', action: { kind: 'start' }, user: 'bench', at: 1 });
  for (let next = 0; next < ready.length; next++) {
    const task = ready[next]!;
    const attempt = formatAttemptId({ run: run.spec.id, task, n: 1 });
    step({ kind: 'placed', task, worker, at: 2, random: 0 });
    step({
      kind: 'report',
      task,
      n: 1,
      worker,
      at: 3,
      random: 0,
      report: { kind: 'running', attempt, sequence: 1, startedAt: 3 },
    });
    step({
      kind: 'report',
      task,
      n: 1,
      worker,
      at: 4,
      random: 0,
      report: { kind: 'finished', attempt, sequence: 2, outcome: OUTCOME },
    });
  }
  return transitions;
}

function newRun(definition: WorkflowDefinition): Run {
  const spec: RunSpec = {
    id: runIdOf(1),
    projectId: 1,
    project: 'bench',
    workflowId: 1,
    workflow: definition.name,
    workflowVersion: 1,
    execType: 'DIRECT',
    mode: 'whole',
    plan: { run: 'all', reuse: [] },
    rerunOf: null,
    parent: null,
    submitUser: 'bench',
    proxyUser: null,
    queue: null,
    failurePolicy: 'end',
    priority: 'medium',
    timeoutMs: 86_400_000,
    timeoutAction: 'fail',
    workerGroup: null,
    environment: null,
    dryRun: false,
    params: {},
    logicalDateAt: 0,
    zone: 'UTC',
    submittedAt: 0,
    notifyType: 'NONE',
    notifyMails: [],
    extras: null,
  };
  const status = {
    run: spec.id,
    version: 0,
    state: 'queued' as const,
    cause: null,
    firstFailure: null,
    waitReason: null,
    owner: null,
    startedAt: null,
    endedAt: null,
  };
  const workflow = { workflowId: 1, version: 1, definition, files: [] };
  return openRun({ spec, status, tasks: [], attempts: [] }, { workflow, projectParams: {} });
}
