/** From what is typed into the form of a run to the request, and what is wrong with it. */
import type { ParameterDeclaration, ParameterValue, RunRequest } from '@pelorus/protocol';
import type { RunDefaults } from './run-defaults.tsx';

export interface RunForm extends RunDefaults {
  params: Record<string, string>;
  /** `name = value` by line. */
  more: string;
  what: 'whole' | 'task' | 'post' | 'pre' | 'select';
  task: string;
  tasks: string;
  /** As of a `datetime-local` field. */
  date: string;
  zone: string;
  /** What an empty zone means once there is a date. */
  offeredZone: string;
  version: string;
  dryRun: boolean;
}

export const EMPTY_FORM: RunForm = {
  params: {},
  more: '',
  what: 'whole',
  task: '',
  tasks: '',
  date: '',
  zone: '',
  offeredZone: '',
  priority: '',
  workerGroup: '',
  environment: '',
  failurePolicy: '',
  version: '',
  dryRun: false,
};

export type FieldProblem = 'required' | 'notInteger' | 'notNumber';

/** Of one parameter as it is typed; null: nothing. An empty field leaves it to the default. */
export function problemOf(declaration: ParameterDeclaration, typed: string): FieldProblem | null {
  if (typed === '') return declaration.required && declaration.default === undefined ? 'required' : null;
  if (isTemplate(typed)) return null;
  if (declaration.type === 'integer' && !/^[-+]?\d+$/.test(typed.trim())) return 'notInteger';
  if (declaration.type === 'number' && !Number.isFinite(Number(typed))) return 'notNumber';
  return null;
}

/** Null: a line of the further parameters cannot be read. */
export function requestOf(
  { project, workflow }: { project: string; workflow: string },
  form: RunForm,
  declared: Record<string, ParameterDeclaration>,
): RunRequest | null {
  const more = readLines(form.more);
  if (typeof more === 'number') return null;
  const params: Record<string, ParameterValue> = { ...more };
  for (const [name, declaration] of Object.entries(declared)) {
    const typed = form.params[name] ?? '';
    if (typed !== '') params[name] = valueOf(declaration, typed);
  }
  return {
    project,
    workflow,
    ...(Object.keys(params).length > 0 ? { params } : {}),
    ...selectionOf(form),
    ...dateOf(form),
    ...(form.priority === '' ? {} : { priority: form.priority }),
    ...(form.workerGroup.trim() === '' ? {} : { workerGroup: form.workerGroup.trim() }),
    ...(form.environment.trim() === '' ? {} : { environment: form.environment.trim() }),
    ...(form.failurePolicy === '' ? {} : { failurePolicy: form.failurePolicy }),
    ...(form.version === '' ? {} : { version: Number(form.version) }),
    ...(form.dryRun ? { dryRun: true } : {}),
  };
}

/** `name = value` by line; the number of the first line that is none. */
export function readLines(text: string): Record<string, string> | number {
  const found: Record<string, string> = {};
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const parts = /^\s*([^\s=]+)\s*=\s*(.*)$/.exec(line);
    if (parts?.[1] === undefined) return index + 1;
    found[parts[1]] = parts[2]?.trimEnd() ?? '';
  }
  return found;
}

function valueOf({ type }: ParameterDeclaration, typed: string): ParameterValue {
  if (isTemplate(typed)) return typed;
  if (type === 'integer' || type === 'number') return Number(typed);
  if (type === 'boolean') return typed === 'true';
  return typed;
}

function isTemplate(typed: string): boolean {
  return /\$\{|\$\[/.test(typed);
}

function selectionOf({ what, task, tasks }: RunForm): Pick<RunRequest, 'from' | 'select'> {
  if (what === 'whole') return {};
  if (what === 'select') {
    const names = tasks.split(/[\s,，]+/).filter(Boolean);
    return names.length === 0 ? {} : { select: names };
  }
  return task === '' ? {} : { from: { task, dep: what === 'task' ? 'node' : what } };
}

/** The wall clock of the zone that is named, else of the one that was offered. */
function dateOf({ date, zone, offeredZone }: RunForm): Pick<RunRequest, 'logicalDate' | 'zone'> {
  const named = zone.trim() || (date === '' ? '' : offeredZone);
  return {
    ...(date === '' ? {} : { logicalDate: instantIn(date, named) }),
    ...(named === '' ? {} : { zone: named }),
  };
}

/** RFC 3339 of a wall clock time such as `2026-03-01T08:00`. */
function instantIn(wall: string, zone: string): string {
  if (zone === '') return new Date(wall).toISOString();
  const asUtc = Date.parse(`${wall}Z`);
  try {
    // Twice, because the offset at the first guess may be that of the other side of a change of clocks.
    const guess = asUtc - offsetAt(asUtc, zone);
    return new Date(asUtc - offsetAt(guess, zone)).toISOString();
  } catch {
    return new Date(wall).toISOString();
  }
}

/** Ms east of UTC. */
function offsetAt(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).formatToParts(at);
  const part = (type: string): number => Number(parts.find((each) => each.type === type)?.value);
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return wall - Math.floor(at / 1000) * 1000;
}
