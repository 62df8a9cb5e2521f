/** What a worker is told of one attempt. Nothing of it is stored: the same run gives the same spec again after a restart. */
import { type AttemptSpec, formatAttemptId, LIMITS, type TaskDefinition, traceparentOf } from '@pelorus/protocol';
import { namesSecrets, type ResolvedTask, resolveTask, secretsNamedBy } from './parameters/index.ts';
import type { Connection, TaskRunRecord, WorkflowFile } from './records.ts';
import { type Looked, type Run, taskOf } from './run.ts';

export type ResolvedAttempt = { kind: 'ready'; spec: AttemptSpec } | { kind: 'invalid'; detail: string };

/** `invalid` says which parameter, file, connection or secret is missing or wrong. */
export function resolveAttempt(run: Run, task: number, n: number): ResolvedAttempt {
  const { spec } = run;
  const taskDefinition = taskOf(run, task);
  const attempt = formatAttemptId({ run: spec.id, task, n });
  const resolved = resolveParameters(run, task, attempt);
  if (resolved.kind === 'invalid') return resolved;
  const files = filesOf(run, taskDefinition);
  if (typeof files === 'string') return { kind: 'invalid', detail: files };
  const connection = connectionOf(run, taskDefinition);
  if (connection?.kind === 'problem') return { kind: 'invalid', detail: connection.problem };
  const environment = environmentOf(run, taskDefinition);
  if (typeof environment === 'string') return { kind: 'invalid', detail: environment };
  const secrets = secretsOf(run, resolved);
  if (typeof secrets === 'string') return { kind: 'invalid', detail: secrets };
  return {
    kind: 'ready',
    spec: {
      attempt,
      project: spec.project,
      workflow: spec.workflow,
      task: taskDefinition.name,
      logicalDate: run.logicalDate,
      action: resolved.action,
      params: resolved.params,
      env: { TRACEPARENT: traceparentOf(spec, { task, n }), ...resolved.env },
      ...(environment && { environment }),
      files,
      connection: connection && { kind: connection.value.kind, url: connection.value.url },
      ...(secrets && { secrets }),
      outputs: taskDefinition.outputs,
      killGraceMs: LIMITS.killGraceMs,
      executionLeaseMs: executionLeaseMsOf(taskDefinition),
    },
  };
}

/** How long the worker of its attempts may go on without hearing from a master, in ms. */
export function executionLeaseMsOf({ executionLeaseMs }: TaskDefinition): number {
  return executionLeaseMs ?? LIMITS.executionLeaseMs;
}

/** Null where neither the task nor the run names one. */
function environmentOf(run: Run, task: TaskDefinition): Record<string, string> | null | string {
  const name = task.environment ?? run.spec.environment;
  if (name === null) return null;
  const { environments } = run.context;
  return environments && Object.hasOwn(environments, name)
    ? { ...environments[name] }
    : `there is no environment named ${name}`;
}

type Ready = Extract<ResolvedTask, { kind: 'ready' }>;
type RecordOf = (task: number) => TaskRunRecord | undefined;

/** The task with its parameters in place. `recordOf` may see further than the run: a decision in the making. */
export function resolveParameters(run: Run, task: number, attempt: string, recordOf?: RecordOf): ResolvedTask {
  const { spec, context, definition } = run;
  const seesOutputs = run.withOutputs > 0 || recordOf !== undefined;
  return resolveTask({
    definition,
    task: taskOf(run, task),
    start: spec.params,
    predecessors: seesOutputs ? outputsBefore(run, task, recordOf ?? null) : [],
    project: context.projectParams,
    run: {
      id: spec.id,
      project: spec.project,
      workflow: spec.workflow,
      logicalDateAt: spec.logicalDateAt,
      zone: spec.zone,
      submittedAt: spec.submittedAt,
    },
    attempt,
  });
}

const NO_FILES: WorkflowFile[] = [];

function filesOf(run: Run, task: TaskDefinition): WorkflowFile[] | string {
  const own = 'file' in task.action ? task.action.file : null;
  if (own === null && task.files.length === 0) return NO_FILES;
  const files: WorkflowFile[] = [];
  for (const name of new Set(own === null ? task.files : [...task.files, own])) {
    const isNamed = (candidate: WorkflowFile) => candidate.name === name;
    const file = run.context.workflow.files.find(isNamed) ?? run.context.files?.find(isNamed);
    if (!file)
      return `file ${name} is neither part of version ${run.spec.workflowVersion} of the workflow nor was it a file of the project when the run was made`;
    files.push(file);
  }
  return files;
}

function connectionOf(run: Run, task: TaskDefinition): Looked<Connection> | null {
  if (task.action.type !== 'sql') return null;
  const { connection: name } = task.action;
  return (
    run.context.vault?.connection(name) ?? { kind: 'problem', problem: `the project has no connection named ${name}` }
  );
}

/** Null for a task that names none; a sentence that names every secret that cannot be had. */
function secretsOf(run: Run, task: Ready): Record<string, string> | string | null {
  if (!mayNameSecrets(run)) return null;
  const { needed, wished } = secretsNamedBy(task);
  const secrets: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of [...needed, ...wished]) {
    const found = run.context.vault?.secret(name) ?? {
      kind: 'problem',
      problem: `the project has no secret named ${name}`,
    };
    if (found.kind === 'found') secrets[name] = found.value;
    else if (needed.has(name)) problems.push(found.problem);
  }
  if (problems.length > 0) return problems.join('; ');
  return Object.keys(secrets).length > 0 ? secrets : null;
}

/** Only definitions and projects name secrets; most name none, and then no text is looked through. */
function mayNameSecrets(run: Run): boolean {
  return namesSecrets(run.definition) || namesSecrets(run.context.projectParams);
}

type Outputs = { task: string; endedAt: number; outputs: Record<string, string> };

/**
 * Outputs of everything before `task`, nearest first: a name that a nearer predecessor gives (and not empty) hides the
 * same name from further away. Breadth first over the graph, so that a value passes through connectors and skipped tasks;
 * no further than where every name that the run knows has been found.
 */
function outputsBefore(run: Run, task: number, recordOf: RecordOf | null): Outputs[] {
  const found: Outputs[] = [];
  const taken = new Set<string>();
  const seen = new Set<number>([task]);
  const isAllFound = () => recordOf === null && taken.size === run.outputNames.size;
  for (let level = predecessorsOf(run, [task], seen); level.length > 0 && !isAllFound();) {
    const given = level.flatMap((pred) => outputsOf(run, pred, recordOf, taken) ?? []);
    for (const { outputs } of given) for (const name in outputs) if (outputs[name] !== '') taken.add(name);
    found.push(...given);
    level = predecessorsOf(run, level, seen);
  }
  return found;
}

/** Those not seen yet; they are now. */
function predecessorsOf(run: Run, tasks: number[], seen: Set<number>): number[] {
  const { predStart, preds } = run.graph;
  const above: number[] = [];
  for (const task of tasks) {
    for (const pred of preds.subarray(predStart[task], predStart[task + 1])) {
      if (seen.has(pred)) continue;
      seen.add(pred);
      above.push(pred);
    }
  }
  return above;
}

function outputsOf(run: Run, task: number, recordOf: RecordOf | null, taken: ReadonlySet<string>): Outputs | null {
  const record = recordOf ? recordOf(task) : run.tasks[task];
  if (!record?.outputs) return null;
  const visible = Object.entries(record.outputs).filter(([name]) => !taken.has(name));
  return { task: run.graph.tasks[task]!.name, endedAt: record.endedAt ?? 0, outputs: Object.fromEntries(visible) };
}
