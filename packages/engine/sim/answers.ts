/** What the store says to the questions of the rules. */
import {
  type Event,
  gateQueries,
  judgeGate,
  judgeUpstream,
  type Question,
  upstreamQueries,
  upstreamQueryKey,
} from '../src/index.ts';
import type { StoreModel } from './store-model.ts';

type AnswerEvent = Extract<Event, { kind: 'child-resolved' | 'upstream-checked' | 'gate-checked' }>;
type Said<E> = E extends AnswerEvent ? Omit<E, 'task' | 'at' | 'random'> : never;

/** The event that answers the question, without who asked and when it was heard. */
export function answerTo(model: StoreModel, question: Question): Said<AnswerEvent> {
  switch (question.kind) {
    case 'resolve-child':
      return { kind: 'child-resolved', child: model.findWorkflow(question) };
    case 'check-upstream': {
      const { run: except, n, upstream, project, logicalDateAt, zone } = question;
      const logical = { at: logicalDateAt, zone };
      const queries = upstreamQueries(upstream, project, logical);
      const facts = new Map(
        queries.map((query) => [upstreamQueryKey(query), model.upstreamFact({ ...query, except })]),
      );
      const verdict = judgeUpstream(upstream, project, logical, (query) => facts.get(upstreamQueryKey(query))!);
      return { kind: 'upstream-checked', n, verdict };
    }
    case 'check-gate': {
      const facts = gateQueries(question.spec).map((query) => model.upstreamFact(query));
      return { kind: 'gate-checked', verdict: judgeGate(question.spec, facts) };
    }
  }
}
