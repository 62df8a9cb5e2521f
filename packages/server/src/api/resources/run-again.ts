/** A new run of one that there has been, of all of it or of a part. */
import { z } from 'zod';
import { inProject } from '../access.ts';
import { plannedAnswer, runSubmittedAnswer } from '../answers/runs.ts';
import { jsonBody } from '../body.ts';
import { route, type Route } from '../route.ts';
import { prepareAgain, type AgainOrder } from '../run-again.ts';
import { flag, runPath, someName } from '../schemas.ts';
import { planAnswer, submitAnswer } from './submit-answer.ts';

const query = z.strictObject({ dryRun: flag.default(false) });

const rerun = route({
  id: 'rerunRun',
  method: 'POST',
  path: '/runs/:run/rerun',
  access: inProject('execute'),
  repeatable: true,
  summary: 'Run again what did not succeed, or a task and all behind it; with ?dryRun=true only say what that is',
  answers: { 200: plannedAnswer, 201: runSubmittedAnswer },
  params: runPath,
  query,
  body: jsonBody(z.strictObject({ from: someName.optional(), version: z.enum(['same', 'latest']).default('same') })),
  handle: async ({ params, query, body, key }, context) => {
    const what: AgainOrder['what'] = body.from === undefined ? { kind: 'failed' } : { kind: 'from', task: body.from };
    const prepared = await prepareAgain(context, { run: params.run, what, version: body.version });
    return query.dryRun ? planAnswer(context, prepared) : submitAnswer(context, prepared, key);
  },
});

const repeat = route({
  id: 'repeatRun',
  method: 'POST',
  path: '/runs/:run/repeat',
  access: inProject('execute'),
  repeatable: true,
  summary: 'Run everything again with the same parameters and logical date; with ?dryRun=true only say what that is',
  answers: { 200: plannedAnswer, 201: runSubmittedAnswer },
  params: runPath,
  query,
  handle: async ({ params, query, key }, context) => {
    const prepared = await prepareAgain(context, { run: params.run, what: { kind: 'all' }, version: 'same' });
    return query.dryRun ? planAnswer(context, prepared) : submitAnswer(context, prepared, key);
  },
});

export const runAgainRoutes: readonly Route[] = [rerun, repeat];
