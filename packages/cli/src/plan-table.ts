import type { PlanView } from '@pelorus/protocol';
import { tableText, writeItem, type Column } from './output.ts';
import type { Session } from './session.ts';

/** What would be, or is, executed. Also of `run --dry-run`. */
export function writePlan(session: Session, plan: PlanView): void {
  for (const warning of plan.warnings) session.terminal.err.write(`warning: ${warning}\n`);
  const columns: Column<PlanView['tasks'][number]>[] = [
    { title: 'TASK', value: (task) => task.name },
    { title: 'PLAN', value: (task) => task.plan, tone: (task) => (task.plan === 'skip' ? 'quiet' : 'good') },
    { title: 'REASON', value: (task) => task.reason ?? (task.attempt === null ? '' : `attempt ${task.attempt}`) },
  ];
  writeItem(session.terminal.out, session.format, {
    value: plan,
    name: plan.tasks
      .filter((task) => task.plan === 'run')
      .map((task) => task.name)
      .join('\n'),
    text: (stream) =>
      `${tableText(stream, { rows: plan.tasks, columns })}${plan.counts.run} run, ${plan.counts.reuse} reused, ${plan.counts.skip} skipped\n`,
  });
}
