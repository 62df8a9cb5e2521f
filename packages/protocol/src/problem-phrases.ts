/** What is wrong with definitions and requests, as templates: see `phrases.ts`. Messages whose words are nowhere here are answered as they are. */
import { phraseBook } from './phrases.ts';

export const PROBLEM_PHRASES = {
  did_you_mean: '{problem}, did you mean `{meant}`?',
  meant: '{problem}; did you mean {meant}?',

  unknown_key: 'unknown key `{key}`; known here: {keys}',
  only_unknown_key: 'unknown key `{key}`',
  unknown_predecessor: 'unknown predecessor `{name}`',
  unknown_task_type: 'unknown task type `{type}`; types are {types}',
  only_unknown_task_type: 'unknown task type `{type}`',
  unknown_task: 'unknown task `{name}`',
  needs_itself: '`{task}` needs itself',
  cycle: 'cycle: {tasks}; each of these tasks waits for the one before it',
  no_name: 'the definition lacks `name`: {expected}',
  no_tasks: 'the definition lacks `tasks`: a map of task names to tasks',
  no_type: '{place} has neither `type` nor `run`; types are {types}',
  neither_run_nor_file: '{place} lacks `run` or `file`; a {type} task has one of them',
  run_and_file: '{place} has `run` and `file`; a {type} task has one of them',
  key_of_others: '`{key}` is a key of {types} tasks; this is a {type} task',
  lacks: '{place} lacks `{key}`: {expected}',
  not_empty: '{place} must not be empty',
  not_expected: '{place} must be {expected}, not {given}',
  too_many_items: '{place} has {#items} items; at most {#most} are allowed',
  too_many_entries: '{place} has {#items} entries; at most {#most} are allowed',

  not_known: '{place} is not known here',
  required: '{place} is required',
  wrong_form: '{place} does not have the expected form',
  not_acceptable: '{place} is not acceptable',
  given_once: '{place} must be {expected}, given once',
  one_of: '{place} must be one of {values}',
  characters: '{place} must have {amount} characters',
  entries: '{place} must have {amount} entries',
  must_be: '{place} must be {expected}',

  at_least: 'at least {limit}',
  at_most: 'at most {limit}',
  more_than: 'more than {limit}',
  less_than: 'less than {limit}',
  the_text: 'the text `{text}`',
  the_number: 'the number {number}',
  item: 'item {#item} of {place}',
} as const;

export type ProblemPhraseName = keyof typeof PROBLEM_PHRASES;

export const { write: problemPhrase, read: readProblemPhrase } = phraseBook(PROBLEM_PHRASES);
