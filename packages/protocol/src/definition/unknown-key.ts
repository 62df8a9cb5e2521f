/** Keys that do not exist, and which one was probably meant. */
import { problemPhrase } from '../problem-phrases.ts';
import type { Member } from './members.ts';
import { didYouMean } from './nearest.ts';
import { shorten, type Place } from './place.ts';
import type { ProblemLog } from './problem-log.ts';

/** Keys that people bring along from other schedulers, and what they are called here. */
const FOREIGN_KEYS: Record<string, string> = {
  depends: 'needs',
  depends_on: 'needs',
  dependsOn: 'needs',
  dependencies: 'needs',
  dep: 'needs',
  deps: 'needs',
  after: 'needs',
  upstream: 'needs',
  command: 'run',
  cmd: 'run',
  script: 'run',
  bash: 'run',
  code: 'run',
  query: 'run',
  sql: 'run',
  desc: 'description',
  environment_variables: 'env',
  variables: 'params',
  parameters: 'params',
  inputs: 'params',
  args: 'params',
  cron: 'schedule',
  when: 'on',
  on: 'when',
  retries: 'retry',
  resources: 'files',
  steps: 'tasks',
  jobs: 'tasks',
  nodes: 'tasks',
};

export function refuseUnknown(members: Map<string, Member>, known: readonly string[], log: ProblemLog): void {
  for (const [key, member] of members) if (!known.includes(key)) unknownKey(key, member.place, known, log);
}

/** What a key such as `$name"` comes from: `{ run: echo "hello, $name" }`. */
const CUT_OFF = '; if it is the rest of a text, put that text in quotes: inside `{ }` a comma ends it';

/** Reports a key that does not exist, naming the one that was probably meant. */
export function unknownKey(key: string, place: Place, known: readonly string[], log: ProblemLog): void {
  const foreign = Object.hasOwn(FOREIGN_KEYS, key) ? FOREIGN_KEYS[key] : undefined;
  const problem = problemPhrase('only_unknown_key', { key: shorten(key) });
  const hint =
    foreign !== undefined && known.includes(foreign)
      ? problemPhrase('did_you_mean', { problem: '', meant: foreign })
      : didYouMean(key, known);
  if (hint !== '') log.problem(place, problem + hint, 'key');
  else if (/^[\w-]+$/.test(key)) {
    const keys = known.map((name) => `\`${name}\``).join(', ');
    log.problem(place, problemPhrase('unknown_key', { key: shorten(key), keys }), 'key');
  } else log.problem(place, problem + CUT_OFF, 'key');
}
