/** What the store says to the questions of the core: which workflow a task names, how other runs ended. */
import type { Event, Question } from '@pelorus/engine';
import type { ApiStore, MasterStore } from '../store/index.ts';

export type QuestionStore = MasterStore & Pick<ApiStore, 'getWorkflow' | 'getWorkflowVersion'>;
type Answer = Extract<Event, { kind: 'child-resolved' | 'upstream-checked' }>;

/** Rejects when the store cannot answer now. */
export async function answerTo(store: QuestionStore, question: Question, at: number, random: number): Promise<Answer> {
  if (question.kind === 'check-upstream') {
    const { task, n } = question;
    return { kind: 'upstream-checked', task, n, at, random, verdict: { kind: 'waiting', detail: 'not asked' } };
  }
  const child = await findChild(store, question);
  return { kind: 'child-resolved', task: question.task, child, at, random };
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
