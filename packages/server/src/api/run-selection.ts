/** Which runs a list, or an operation on many runs, is about. */
import { z } from 'zod';
import { LIMITS, RUN_STATES, isTerminalRun, runIdOf } from '@pelorus/protocol';
import type { RunFilter } from '../store/port.ts';
import { API_LIMITS } from './limits.ts';
import { instant, integer, repeatable, runState, someName } from './schemas.ts';

const upperCase = (value: unknown) => (typeof value === 'string' ? value.toUpperCase() : value);

/** As query parameters, or as members of a JSON object. */
export const runSelection = z.strictObject({
  project: someName.optional(),
  workflow: someName.optional(),
  state: repeatable(runState).pipe(z.array(runState).max(RUN_STATES.length)).optional(),
  execType: z.preprocess(upperCase, z.enum(['DIRECT', 'COMPLEMENT_DATA', 'SCHEDULER'])).optional(),
  submittedAfter: instant.optional(),
  submittedBefore: instant.optional(),
  logicalDateAfter: instant.optional(),
  logicalDateBefore: instant.optional(),
  user: someName.optional(),
  q: z.string().min(1).max(LIMITS.listPageSize).optional(),
  rerunOf: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).optional(),
  label: z
    .string()
    .max(1000)
    .regex(/^[^=]+(=.*)?$/s, 'must be name or name=value')
    .optional(),
});
export type RunSelection = z.output<typeof runSelection>;

/** `until`: runs submitted later are left out. Both epoch ms. */
export function filterOf(query: RunSelection, now: number, until: number): RunFilter {
  return {
    ...(query.project === undefined ? {} : { project: query.project }),
    ...workflowFilter(query.workflow),
    ...(query.state === undefined ? {} : { states: query.state }),
    ...(query.execType === undefined ? {} : { execType: query.execType }),
    ...(query.user === undefined ? {} : { submitUser: query.user }),
    ...(query.rerunOf === undefined ? {} : { rerunOf: runIdOf(query.rerunOf) }),
    ...(query.label === undefined ? {} : { label: labelIn(query.label) }),
    ...searched(query.q),
    ...(query.logicalDateAfter === undefined ? {} : { logicalFrom: query.logicalDateAfter }),
    ...(query.logicalDateBefore === undefined ? {} : { logicalTo: query.logicalDateBefore }),
    ...submittedFrom(query, now),
    submittedTo: until,
  };
}

/** `*` stands for any text, `?` for one character. */
export function workflowFilter(
  workflow: string | undefined,
): Pick<RunFilter, 'workflow' | 'workflowGlob' | 'workflowPrefixes'> {
  if (workflow === undefined) return {};
  if (!/[*?]/.test(workflow)) return { workflow };
  return /^[^*?]*\*$/.test(workflow) ? { workflowPrefixes: [workflow.slice(0, -1)] } : { workflowGlob: workflow };
}

/** `team`, or `team=data`. */
export function labelIn(text: string): NonNullable<RunFilter['label']> {
  const equals = text.indexOf('=');
  return equals === -1 ? { name: text, value: null } : { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

/** Digits are the number of a run, anything else is part of the name of its workflow. */
function searched(q: string | undefined): Pick<RunFilter, 'id' | 'workflowContains'> {
  if (q === undefined) return {};
  return isRunNumber(q) ? { id: runIdOf(Number(q)) } : { workflowContains: q };
}

function isRunNumber(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,15}$/.test(text);
}

/** History is the last 7 days, unless the query says which runs it wants or asks only for those in progress, however old. */
function submittedFrom(query: RunSelection, now: number): Pick<RunFilter, 'submittedFrom'> {
  if (query.submittedAfter !== undefined) return { submittedFrom: query.submittedAfter };
  const states = query.state ?? [];
  const onlyLive = states.length > 0 && !states.some(isTerminalRun);
  const isPrecise =
    query.rerunOf !== undefined ||
    query.logicalDateAfter !== undefined ||
    query.logicalDateBefore !== undefined ||
    isRunNumber(query.q);
  return onlyLive || isPrecise ? {} : { submittedFrom: now - API_LIMITS.historyDefaultMs };
}
