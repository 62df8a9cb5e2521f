/** What the store says to the questions of the core: which workflow a task names, how other runs ended. */
import { gateQueries, judgeGate, judgeUpstream, upstreamQueries, upstreamQueryKey } from '@pelorus/engine';
import type { Event, Question, UpstreamFact, UpstreamVerdict } from '@pelorus/engine';
import type { ApiStore, HintStore, MasterStore } from '../store/index.ts';

export type QuestionStore = MasterStore & HintStore & Pick<ApiStore, 'getWorkflow' | 'getWorkflowVersion'>;
type Answer = Extract<Event, { kind: 'child-resolved' | 'upstream-checked' | 'gate-checked' }>;

/** Questions of dependent tasks that the store answers at once; between batches it serves others. */
const FACTS_AT_ONCE = 500;

/** Rejects when the store cannot answer now. */
export async function answerTo(store: QuestionStore, question: Question, at: number, random: number): Promise<Answer> {
  switch (question.kind) {
    case 'check-upstream': {
      const verdict = await checkUpstream(store, question);
      return { kind: 'upstream-checked', task: question.task, n: question.n, at, random, verdict };
    }
    case 'check-gate':
      return { kind: 'gate-checked', verdict: await checkGate(store, question), at };
    case 'resolve-child':
      return { kind: 'child-resolved', task: question.task, child: await findChild(store, question), at, random };
  }
}

type CheckUpstream = Extract<Question, { kind: 'check-upstream' }>;

/** As many questions as `upstreamQueries` allows, a batch at a time. */
async function checkUpstream(store: QuestionStore, question: CheckUpstream): Promise<UpstreamVerdict> {
  const { upstream, project, logicalDateAt, zone } = question;
  const logical = { at: logicalDateAt, zone };
  const queries = upstreamQueries(upstream, project, logical);
  const facts = new Map<string, UpstreamFact>();
  for (let from = 0; from < queries.length; from += FACTS_AT_ONCE) {
    const batch = queries.slice(from, from + FACTS_AT_ONCE);
    const answers = await store.upstreamFacts(batch.map((query) => ({ ...query, except: question.run })));
    for (const [i, query] of batch.entries()) facts.set(upstreamQueryKey(query), answers[i]!);
  }
  return judgeUpstream(upstream, project, logical, (query) => facts.get(upstreamQueryKey(query)) ?? { kind: 'none' });
}

/** As many questions as a schedule may name workflows. */
async function checkGate(
  store: QuestionStore,
  { spec }: Extract<Question, { kind: 'check-gate' }>,
): Promise<UpstreamVerdict> {
  const queries = gateQueries(spec);
  const facts: UpstreamFact[] = [];
  for (let from = 0; from < queries.length; from += FACTS_AT_ONCE)
    facts.push(...(await store.upstreamFacts(queries.slice(from, from + FACTS_AT_ONCE))));
  return judgeGate(spec, facts);
}

type ResolveChild = Extract<Question, { kind: 'resolve-child' }>;
type Child = Extract<Event, { kind: 'child-resolved' }>['child'];

async function findChild(store: QuestionStore, question: ResolveChild): Promise<Child> {
  const [project, name] = splitName(question.workflow, question.project);
  const row = await store.getWorkflow(project, name);
  if (!row) return { kind: 'missing', detail: `there is no workflow ${project}/${name}` };
  const version = await store.getWorkflowVersion(row.id, question.version === 'latest' ? null : question.version);
  if (!version) return { kind: 'missing', detail: `workflow ${project}/${name} has no version ${question.version}` };
  const { workflowId, version: number, definition } = version;
  return { kind: 'found', projectId: row.projectId, project, workflowId, workflow: name, version: number, definition };
}

/** `workflow` or `project/workflow`. */
function splitName(text: string, project: string): [project: string, workflow: string] {
  const slash = text.indexOf('/');
  return slash === -1 ? [project, text] : [text.slice(0, slash), text.slice(slash + 1)];
}
