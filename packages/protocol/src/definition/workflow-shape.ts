/** The keys of a workflow, and how a whole definition is read from them. */
import { LIMITS } from '../limits.ts';
import { problemPhrase } from '../problem-phrases.ts';
import { PRIORITIES } from '../states.ts';
import {
  CONCURRENCY_POLICIES,
  type ScheduleSpec,
  type TaskDefinition,
  type TimeoutSpec,
  type WorkflowDefinition,
} from '../workflow.ts';
import { checkGraph } from './graph.ts';
import { LABEL_NAME_PATTERN, name, NAME_EXPECTED, NAME_PATTERN, workflowReference } from './names.ts';
import { parameterDeclarations } from './parameter-shape.ts';
import { called, type Place } from './place.ts';
import type { ProblemLog } from './problem-log.ts';
import { membersOf, mismatch, type Member } from './members.ts';
import {
  boolean,
  defaulted,
  keyReader,
  list,
  mapped,
  object,
  objectSchema,
  oneOf,
  optional,
  readFields,
  record,
  required,
  text,
  textual,
  wholeOf,
  type Shape,
} from './shape.ts';
import { refuseUnknown } from './unknown-key.ts';
import { readTask, taskDefaults, timeout, type ReadTask } from './task-shape.ts';

const RUN_TIMEOUT: TimeoutSpec = { afterMs: 86_400_000, action: 'fail' };
const INSTANT_PATTERN =
  '^\\d{4}-\\d{2}-\\d{2}(?:[Tt ]\\d{2}:\\d{2}(?::\\d{2}(?:\\.\\d{1,9})?)?(?:[Zz]|[-+]\\d{2}:\\d{2})?)?$';
const instant = () =>
  text({
    expected: 'a date or an RFC 3339 time such as `2026-01-31` or `2026-01-31T08:00:00+01:00`',
    pattern: INSTANT_PATTERN,
    check: wrongInstant,
  });

const schedule: Shape<ScheduleSpec> = object(
  'a map with `cron`',
  {
    cron: required(
      mapped(text({ expected: 'a cron expression', maxBytes: 1000 }), checkedCron),
      'Cron expression of 5 fields, or Quartz of 6 or 7.',
    ),
    timezone: defaulted(
      text({ expected: 'a time zone such as `Europe/Berlin`', maxBytes: 100, check: wrongTimeZone }),
      'UTC',
      'The zone in which it is meant.',
    ),
    start: optional(instant(), 'The first moment at which it may fire.'),
    end: optional(instant(), 'The last moment at which it may fire.'),
    misfire: defaulted(
      oneOf(['fire_all', 'fire_last', 'skip']),
      'fire_last',
      'What happens to times that were missed.',
    ),
    calendar: optional(text({ maxBytes: 1000 }), 'A stored calendar of holidays.'),
    onHoliday: optional(oneOf(['skip', 'shift_next', 'shift_previous']), 'What happens on a holiday.'),
    dependsOnPrevious: defaulted(boolean(), false, 'Waits for its own previous cycle to succeed.'),
    dependsOn: defaulted(
      list(workflowReference(), { expected: 'a list of workflows', unique: true, max: 1000 }),
      [],
      'Workflows whose covering cycle must succeed first.',
    ),
    online: defaulted(boolean(), false, 'Whether it fires as soon as it is saved.'),
  },
  (values, place, log, members): ScheduleSpec | undefined => {
    if (values.start !== null && values.end !== null && comparable(values.end) < comparable(values.start)) {
      return log.problem(members.get('end')?.place ?? place, '`end` is before `start`');
    }
    return values;
  },
);

const NOTIFY_WORDS = ['none', 'success', 'failure', 'all'] as const;
const NOTIFY_FIELDS = {
  on: optional(oneOf(NOTIFY_WORDS), 'The ends of a run that are told; in YAML better written `when`.'),
  when: optional(oneOf(NOTIFY_WORDS), 'The same as `on`, for YAML, where `on` is a boolean to many parsers.'),
  to: defaulted(
    list(text({ expected: 'a channel or address', maxBytes: 1000 }), {
      expected: 'a list of channels and addresses',
      unique: true,
      max: 1000,
    }),
    [],
    'Channels and addresses.',
  ),
};
const notify: Shape<WorkflowDefinition['notify']> = {
  ...object('a map with `when` and `to`', NOTIFY_FIELDS, (values, place, log, members) => {
    const second = members.get('on') && members.get('when');
    if (second) return log.problem(second.place, '`on` and `when` mean the same; give one of them', 'key');
    const on = values.on ?? values.when;
    if (on === null)
      return log.problem(
        place,
        `${called(place)} lacks \`when\`: ${NOTIFY_WORDS.map((word) => `\`${word}\``).join(', ')}`,
        'key',
      );
    return { on, to: values.to };
  }),
  schema: { ...objectSchema(NOTIFY_FIELDS), oneOf: [{ required: ['on'] }, { required: ['when'] }] },
};

export const WORKFLOW_FIELDS = {
  name: optional(name(), 'The name of the workflow.'),
  project: optional(name(), 'The project it belongs to; else the path or the command says.'),
  description: defaulted(text({ empty: true }), '', 'What the workflow is for.'),
  labels: defaulted(
    record(textual({ maxBytes: 1000 }), {
      expected: 'a map of labels to values',
      keyExpected: 'a label',
      keyPattern: LABEL_NAME_PATTERN,
      max: 100,
    }),
    {},
    'Label → value, for finding it.',
  ),
  params: defaulted(parameterDeclarations(), {}, 'Parameters: name → value, or `{type, enum, default, required}`.'),
  failurePolicy: defaulted(
    oneOf(['end', 'continue']),
    'end',
    '`end`: a failure ends the run; `continue`: what does not depend on it still runs.',
  ),
  concurrency: defaulted(
    oneOf(CONCURRENCY_POLICIES),
    'parallel',
    'What happens when a run starts while another one is not over.',
  ),
  timeout: defaulted(timeout(), RUN_TIMEOUT, 'How long a run may take: a duration, or `{after, action}`.', '24h'),
  priority: defaulted(oneOf(PRIORITIES), 'medium', 'Which runs get a free worker first.'),
  schedule: optional(schedule, 'When it is started by itself; stored offline unless `online: true`.'),
  notify: defaulted(notify, { on: 'none', to: [] }, 'Who is told about the end of a run.', { when: 'none' }),
  parameterMode: defaulted(oneOf(['strict', 'lenient']), 'strict', '`lenient`: an unknown `${name}` is left as it is.'),
};
const WORKFLOW_KEYS = [...Object.keys(WORKFLOW_FIELDS), 'defaults', 'tasks'];

export interface ReadOptions {
  /** The name when the document gives none. */
  workflowName?: string;
}

/** Reads a definition from the keys of its document; null, with every problem in the log, when something is refused. */
export function readWorkflow(
  value: unknown,
  place: Place,
  options: ReadOptions,
  log: ProblemLog,
): WorkflowDefinition | null {
  const members = membersOf(value, place);
  if (members === null) {
    mismatch(place, 'a map with `name` and `tasks`', value, log);
    return null;
  }
  refuseUnknown(members, WORKFLOW_KEYS, log);
  return assemble(members, place, readTasks(members, place, log), options, log);
}

/** Reads the workflow's own keys and joins them with tasks that were read already; checks the graph. */
export function assemble(
  members: Map<string, Member>,
  place: Place,
  tasks: ReadTasks,
  options: ReadOptions,
  log: ProblemLog,
): WorkflowDefinition | null {
  const values = readFields(WORKFLOW_FIELDS, members, place, log);
  if (!members.has('name') && options.workflowName === undefined)
    log.problem(place, problemPhrase('no_name', { expected: NAME_EXPECTED }));
  const workflowName = values.name ?? options.workflowName ?? '';
  if (values.name === null && options.workflowName) name().read(options.workflowName, place, log);
  checkGraph(tasks.read, tasks.names, log);
  refuseSelfCalls(tasks.read, workflowName, values.project ?? null, log);
  const whole = wholeOf(values);
  const definitions = definitionsOf(tasks.read);
  if (log.failed || whole === null || definitions === null) return null;
  return {
    name: workflowName,
    project: whole.project,
    description: whole.description,
    labels: whole.labels,
    params: whole.params,
    failurePolicy: whole.failurePolicy,
    concurrency: whole.concurrency,
    timeout: whole.timeout,
    priority: whole.priority,
    parameterMode: whole.parameterMode,
    schedule: whole.schedule,
    notify: whole.notify,
    tasks: definitions,
  };
}

export interface ReadTasks {
  read: ReadTask[];
  /** All names, also of tasks that could not be read at all. */
  names: ReadonlySet<string>;
}
const NO_TASKS: ReadTasks = { read: [], names: new Set() };
export const isTaskName = keyReader({ keyExpected: NAME_EXPECTED, keyPattern: NAME_PATTERN });

function readTasks(members: Map<string, Member>, place: Place, log: ProblemLog): ReadTasks {
  const under = members.get('defaults');
  const defaults = under === undefined ? null : (taskDefaults.read(under.value, under.place, log) ?? null);
  const written = members.get('tasks');
  if (written === undefined) {
    log.problem(place, problemPhrase('no_tasks', {}));
    return NO_TASKS;
  }
  const tasks = membersOf(written.value, written.place);
  if (tasks === null) {
    mismatch(written.place, 'a map of task names to tasks', written.value, log);
    return NO_TASKS;
  }
  if (!isTaskCount(tasks.size, written.place, log)) return NO_TASKS;
  const read: ReadTask[] = [];
  for (const [taskName, task] of tasks) {
    isTaskName(taskName, task.place, log);
    const keys = membersOf(task.value, task.place);
    if (keys === null) mismatch(task.place, 'a map', task.value, log);
    else read.push(readTask(taskName, task.place, keys, { defaults, otherNames: [] }, log));
  }
  return { read, names: new Set(tasks.keys()) };
}

/** False, with the problem reported, when there are no tasks or too many. */
export function isTaskCount(count: number, place: Place, log: ProblemLog): boolean {
  if (count === 0) log.problem(place, problemPhrase('not_empty', { place: called(place) }));
  else if (count > LIMITS.tasksPerWorkflow)
    log.problem(
      place,
      `${called(place)} has ${count} entries; a workflow has at most ${LIMITS.tasksPerWorkflow} tasks`,
    );
  else return true;
  return false;
}

function definitionsOf(tasks: ReadTask[]): TaskDefinition[] | null {
  const definitions: TaskDefinition[] = [];
  for (const { definition } of tasks) if (definition !== null) definitions.push(definition);
  return definitions.length === tasks.length ? definitions : null;
}

/** Longer circles of workflows are only seen where the other definitions are: at save. */
function refuseSelfCalls(tasks: ReadTask[], workflowName: string, project: string | null, log: ProblemLog): void {
  for (const { definition, place } of tasks) {
    if (definition?.action.type !== 'sub_workflow') continue;
    const { workflow } = definition.action;
    if (workflow !== workflowName && (project === null || workflow !== `${project}/${workflowName}`)) continue;
    log.problem(
      { up: place, key: 'workflow' },
      `\`${definition.name}\` runs \`${workflow}\`, the workflow that it is part of, and would never end`,
    );
  }
}

function checkedCron(cron: string, place: Place, log: ProblemLog): string | undefined {
  const wrong = log.checks.checkCron?.(cron) ?? null;
  return wrong === null ? cron : log.problem(place, `${called(place)}: ${wrong}`);
}

function wrongTimeZone(timezone: string): string | null {
  try {
    Intl.DateTimeFormat('en', { timeZone: timezone });
    return null;
  } catch {
    return `is \`${timezone}\`, which is not a known time zone`;
  }
}

const INSTANT_PARTS =
  /^(?<date>\d{4}-(?<month>\d{2})-(?<day>\d{2}))(?:[Tt ](?<time>(?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:\.\d+)?)?)(?<offset>[Zz]|[-+]\d{2}:\d{2})?)?$/;

function wrongInstant(written: string): string | null {
  const { date = '', month, day, hour = 0, minute = 0, second = 0 } = INSTANT_PARTS.exec(written)?.groups ?? {};
  const midnight = new Date(`${date}T00:00:00Z`);
  const isDate = midnight.getUTCMonth() + 1 === Number(month) && midnight.getUTCDate() === Number(day);
  return isDate && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60
    ? null
    : `is \`${written}\`, a moment that does not exist`;
}

/** Epoch ms, good enough to see that an end is before its start; without an offset both are meant in the same zone. */
function comparable(written: string): number {
  const { date = '', time = '00:00', offset = 'Z' } = INSTANT_PARTS.exec(written)?.groups ?? {};
  return Date.parse(`${date}T${time}${offset.toUpperCase()}`);
}
