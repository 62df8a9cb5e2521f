/**
 * What is said of things that wait or did not come true, as templates (`problem-phrases.ts`: of what is wrong): whoever writes such a sentence fills one, and whoever shows it in
 * another language finds out which one it was and with what, instead of guessing. The sentences are stored and answered as text, so
 * templates only ever get new names when they get new words: what older servers have written stays readable.
 */

/** `{name}` stands for any text, `{#name}` for a whole number. Where one could be taken for another, the more particular comes first. */
export const PHRASES = {
  paused_by_person: 'paused by a person',
  pausing: 'waiting for running tasks to finish',
  run_paused: 'the run is paused',
  delayed: 'delayed by its definition',
  retry: 'retry {#retry} of {#retries}',
  worker_gone: 'worker {worker} is gone: waiting for its return or for a decision',
  recalled: 'store_went_back: workers are asked whether it has begun',
  put_aside: 'put aside after an internal error: {detail}',
  unreadable: 'not all that is stored of this run can be read: {detail}',
  needs_more: 'waiting for {tasks} and {#more} more',
  needs: 'waiting for {tasks}',

  behind_run: 'waits for its turn, behind run {#run} (serial_wait)',
  until_stopped: 'waits until run {#run} has been stopped (serial_priority)',

  no_task_group: 'task_group: there is no task group {group}',
  too_heavy: 'task_group: weight {#weight} is more than the size {#size} of {group}',
  group_turn: 'task_group: waits for its turn in {group}, of size {#size}',
  group_full: 'task_group: {group} is full ({#held} of {#size})',
  no_worker: 'no_worker: no worker of group {group} is connected',
  no_able_worker: 'no_worker: no worker of group {group} that is connected runs {type} tasks',
  no_able_slot: 'no_slot: every worker of group {group} that runs {type} tasks is full or not accepting',
  no_slot: 'no_slot: every worker of group {group} is full or not accepting',

  asking: 'asks whether what it depends on has succeeded',
  and_more: '{detail} (and {#more} more)',
  not_within: 'not within {#timeoutMs} ms: {detail}',
  previous_running: 'the run before it has not ended: run {#run}',
  previous_failed: 'the run before it did not succeed: run {#run}',
  cycle_none: 'workflow {workflow}, {from} to {to}, has not run',
  cycle_running: 'workflow {workflow}, {from} to {to}, has not ended: run {#run}',
  cycle_failed: 'workflow {workflow}, {from} to {to}, did not succeed: run {#run}',
  task_none: 'task {task} of {workflow}, {window} ({from} to {to}, {zone}): has not run',
  task_running: 'task {task} of {workflow}, {window} ({from} to {to}, {zone}): has not ended in run {#run}',
  task_failed: 'task {task} of {workflow}, {window} ({from} to {to}, {zone}): failed in run {#run}',
  task_succeeded: 'task {task} of {workflow}, {window} ({from} to {to}, {zone}): succeeded in run {#run}',
  workflow_none: 'workflow {workflow}, {window} ({from} to {to}, {zone}): has not run',
  workflow_running: 'workflow {workflow}, {window} ({from} to {to}, {zone}): has not ended in run {#run}',
  workflow_failed: 'workflow {workflow}, {window} ({from} to {to}, {zone}): failed in run {#run}',
  workflow_succeeded: 'workflow {workflow}, {window} ({from} to {to}, {zone}): succeeded in run {#run}',
  no_window: 'there is no window {window} in the zone {zone}',

  backfill_stopping: 'is being stopped: runs that have not ended {#runs}',
  backfill_halted: 'no further date begins, for that of {date} did not succeed: runs that have not ended {#runs}',
  backfill_paused: 'is paused',

  lease_ended: 'no master renewed the execution lease of {#leaseMs} ms',
  process_ended: 'the process ended before the task did',
  stopped_with_worker: 'the worker was stopped together with its tasks',
  unknown_attempt: 'no master knows this attempt',
  no_cause: 'the worker gave no cause',
} as const;

export type PhraseName = keyof typeof PHRASES;

/** What a template wants, by its names. */
export type PhraseValues<Template extends string> = Template extends `${string}{#${infer Name}}${infer Rest}`
  ? Template extends `${infer Before}{#${Name}}${string}`
    ? PhraseValues<Before> & Record<Name, number> & PhraseValues<Rest>
    : never
  : Template extends `${string}{${infer Name}}${infer Rest}`
    ? Record<Name, string> & PhraseValues<Rest>
    : unknown;

/** A sentence that was taken apart: which template it was filled from, and with what. */
export interface ReadPhrase<Name extends string> {
  name: Name;
  values: Record<string, string>;
}

/** Templates, to write sentences with and to know them again. */
export interface PhraseBook<Templates extends Record<string, string>> {
  write: <Name extends keyof Templates & string>(name: Name, values: PhraseValues<Templates[Name]>) => string;
  /** Null: a sentence that no template of this book gives. */
  read: (sentence: string) => ReadPhrase<keyof Templates & string> | null;
}

export function phraseBook<Templates extends Record<string, string>>(templates: Templates): PhraseBook<Templates> {
  type Name = keyof Templates & string;
  let patterns: { name: Name; pattern: RegExp }[] | null = null;
  return {
    write: (name, values) => {
      const given = values as Readonly<Record<string, string | number>>;
      return templates[name]!.replace(PLACE, (_place, _number, key: string) => String(given[key]));
    },
    read: (sentence) => {
      patterns ??= Object.entries(templates).map(([name, template]) => ({ name, pattern: patternOf(template) }));
      for (const { name, pattern } of patterns) {
        const found = pattern.exec(sentence);
        if (found !== null) return { name, values: { ...found.groups } };
      }
      return null;
    },
  };
}

const PLACE = /\{(#?)(\w+)\}/g;

function patternOf(template: string): RegExp {
  const source = template
    .replaceAll(/[.()?]/g, '\\$&')
    .replace(PLACE, (_place, number: string, key: string) => `(?<${key}>${number === '#' ? '\\d+' : '.+?'})`);
  return new RegExp(`^${source}$`, 's');
}

export const { write: phrase, read: readPhrase } = phraseBook(PHRASES);
