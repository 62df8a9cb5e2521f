/** Turns some tasks of a random workflow into ones that choose among those behind them. */
import type { TaskCondition, TaskDefinition } from '@pelorus/protocol';
import type { Random } from './random.ts';

/** `density`: the chance of a task that can choose to do so. */
export function withBranches(random: Random, tasks: readonly TaskDefinition[], density: number): TaskDefinition[] {
  return tasks.map((task) => {
    const behind = tasks.filter(({ needs }) => needs.includes(task.name)).map(({ name }) => name);
    if (behind.length === 0 || task.action.type === 'sub_workflow' || !random.chance(density)) return task;
    const [taken, left] = [behind.filter(() => random.chance(0.45)), behind.filter(() => random.chance(0.45))];
    return task.needs.length > 0 && random.chance(0.6)
      ? {
          ...task,
          action: { type: 'conditions', when: randomCondition(random, task.needs, 2), success: taken, failure: left },
        }
      : asSwitch(random, task, taken, left);
  });
}

function randomCondition(random: Random, needs: readonly string[], depth: number): TaskCondition {
  if (depth === 0 || random.chance(0.5))
    return { task: random.pick(needs), state: random.pick(['succeeded', 'failed']) };
  const parts = Array.from({ length: random.whole(1, 3) }, () => randomCondition(random, needs, depth - 1));
  return random.chance(0.5) ? { and: parts } : { or: parts };
}

/** Over a parameter of its own, or over an output that some predecessors give and others do not. */
function asSwitch(random: Random, task: TaskDefinition, taken: string[], left: string[]): TaskDefinition {
  const subject = random.chance(0.6) ? 'n' : 'rows';
  const cases = [
    { when: `\${${subject}} > ${random.whole(100, 900)}`, goto: taken },
    { when: `\${${subject}} > ${random.whole(0, 500)}`, goto: random.chance(0.5) ? taken : left },
  ];
  const params = subject === 'n' ? { n: random.whole(0, 1000) } : {};
  return { ...task, params, action: { type: 'switch', cases: cases.slice(0, random.whole(1, 2)), default: left } };
}
