/** The shapes that are measured. All but `shell-500` are made of script tasks that do nothing. */
import { parseDefinitionValue, type TaskDefinition, type WorkflowDefinition } from '@pelorus/protocol';

type Shape = Record<string, { needs?: string[]; run?: string; type?: string }>;

export function chain(length: number): WorkflowDefinition {
  const tasks: Shape = {};
  for (let index = 0; index < length; index++)
    tasks[`t${index}`] = { type: 'script', run: 'return {}', needs: index > 0 ? [`t${index - 1}`] : [] };
  return definition(`chain-${length}`, tasks);
}

/** 1 → width → 1. */
export function fan(
  width: number,
  task: { type: string; run: string } = { type: 'script', run: 'return {}' },
): WorkflowDefinition {
  const tasks: Shape = { first: { ...task } };
  const middle = Array.from({ length: width }, (_, index) => `m${index}`);
  for (const name of middle) tasks[name] = { ...task, needs: ['first'] };
  tasks['last'] = { ...task, needs: middle };
  return definition(`fan-${width}-${task.type}`, tasks);
}

/** 1 → 8 → 1: ten tasks. */
export function diamond(): WorkflowDefinition {
  return { ...fan(8), name: 'diamond-10' };
}

/** `layers` rows of `width` tasks; each task needs three of the row before. */
export function layeredWorkflow(layers: number, width: number): WorkflowDefinition {
  const template = chain(1).tasks[0]!;
  const tasks: TaskDefinition[] = [];
  for (let layer = 0; layer < layers; layer++) {
    for (let column = 0; column < width; column++) {
      const needs = layer === 0 ? [] : [0, 7, 31].map((shift) => `t${layer - 1}_${(column + shift) % width}`);
      tasks.push({ ...template, name: `t${layer}_${column}`, needs });
    }
  }
  return { ...chain(1), name: 'layered', tasks };
}

function definition(name: string, tasks: Shape): WorkflowDefinition {
  const { definition: parsed, problems } = parseDefinitionValue({ name, tasks });
  if (!parsed) throw new Error(`bad benchmark workflow: ${JSON.stringify(problems.slice(0, 3))}`);
  return parsed;
}
