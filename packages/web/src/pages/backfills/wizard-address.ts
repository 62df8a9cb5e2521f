/** What is chosen in the form of a new backfill, as the query of its address: only what is not as at first. Pure. */
import { EMPTY_FORM } from '../workflows/run-request.ts';
import { EMPTY_WIZARD, type WizardForm } from './wizard-form.ts';

const DATES = ['start', 'end', 'at', 'zone', 'cron', 'list', 'parallelism'] as const;
const RUN = ['task', 'tasks', 'more', 'workerGroup', 'environment', 'version'] as const;
const CHOICES = {
  kind: ['daily', 'cron', 'list'],
  mode: ['serial', 'parallel'],
  order: ['ascending', 'descending'],
} as const;
const RUN_CHOICES = {
  what: ['whole', 'task', 'post', 'pre', 'select'],
  priority: ['', 'highest', 'high', 'medium', 'low', 'lowest'],
  failurePolicy: ['', 'end', 'continue'],
} as const;
/** What is longer, such as a list of many dates, is not in the address. */
const TEXT_MAX = 2000;

export type WizardSearch = Partial<
  Record<
    | (typeof DATES)[number]
    | (typeof RUN)[number]
    | keyof typeof CHOICES
    | keyof typeof RUN_CHOICES
    | 'continueAfterFailure'
    | 'withDependents'
    | 'dryRun'
    | 'params',
    string
  >
>;

export function wizardOf(search: WizardSearch): WizardForm {
  return {
    ...EMPTY_WIZARD,
    ...textsOf(search, DATES),
    kind: chosen(CHOICES.kind, search.kind),
    mode: chosen(CHOICES.mode, search.mode),
    order: chosen(CHOICES.order, search.order),
    continueAfterFailure: search.continueAfterFailure === 'true',
    withDependents: search.withDependents === 'true',
    run: {
      ...EMPTY_FORM,
      ...textsOf(search, RUN),
      what: chosen(RUN_CHOICES.what, search.what),
      priority: chosen(RUN_CHOICES.priority, search.priority),
      failurePolicy: chosen(RUN_CHOICES.failurePolicy, search.failurePolicy),
      dryRun: search.dryRun === 'true',
      params: paramsOf(search.params ?? ''),
    },
  };
}

export function searchOf(form: WizardForm): WizardSearch {
  const { run } = form;
  const search: WizardSearch = {
    ...changed(form, EMPTY_WIZARD, [...DATES, 'kind', 'mode', 'order', 'continueAfterFailure', 'withDependents']),
    ...changed(run, EMPTY_FORM, [...RUN, 'what', 'priority', 'failurePolicy', 'dryRun']),
  };
  const params = Object.entries(run.params).filter(([, value]) => value !== '');
  const written = JSON.stringify(Object.fromEntries(params));
  return params.length === 0 || written.length > TEXT_MAX ? search : { ...search, params: written };
}

function changed<Name extends string>(
  form: Record<Name, string | boolean>,
  empty: Record<Name, string | boolean>,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const text = String(form[name]);
    if (form[name] !== empty[name] && text.length <= TEXT_MAX) found[name] = text;
  }
  return found;
}

function textsOf<Name extends keyof WizardSearch>(
  search: WizardSearch,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {};
  for (const name of names) if (search[name] !== undefined) found[name] = search[name];
  return found;
}

/** The first one where the text is none of them. */
function chosen<Choice extends string>(choices: readonly [Choice, ...Choice[]], text: string | undefined): Choice {
  return choices.find((choice) => choice === text) ?? choices[0];
}

function paramsOf(text: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return {};
    return Object.fromEntries(
      Object.entries(parsed).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return {};
  }
}
