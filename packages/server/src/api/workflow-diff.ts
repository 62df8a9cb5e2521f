/** What differs between two versions of a workflow. Pure. */
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import type { WorkflowDiff } from '@pelorus/protocol';
import type { WorkflowVersionRow } from '../store/port.ts';

/** Edits looked for; texts that differ in more are shown as replaced, for finding a short way between them takes their product. */
const EDITS_MAX = 2_000;
const CONTEXT_LINES = 3;

export function diffOf(from: WorkflowVersionRow, to: WorkflowVersionRow): WorkflowDiff {
  const { tasks: tasksFrom, ...settingsFrom } = from.definition;
  const { tasks: tasksTo, ...settingsTo } = to.definition;
  return {
    from: from.version,
    to: to.version,
    text: textDiff(from, to),
    tasks: named(tasksFrom, tasksTo),
    settings: differing(settingsFrom, settingsTo),
    files: named(from.files, to.files, ({ sha256 }) => sha256),
  };
}

function textDiff(from: WorkflowVersionRow, to: WorkflowVersionRow): string {
  if (from.source === to.source) return '';
  const options = { context: CONTEXT_LINES, maxEditLength: EDITS_MAX, headerOptions: FILE_HEADERS_ONLY };
  const names = [from, to].map(({ version, format }) => `version ${version} (${format})`);
  const [left = '', right = ''] = names;
  const patch = createTwoFilesPatch(left, right, from.source, to.source, undefined, undefined, options);
  return patch ?? `--- ${left}\n+++ ${right}\n${prefixed('-', from.source)}${prefixed('+', to.source)}`;
}

function prefixed(sign: string, text: string): string {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => `${sign}${line}\n`)
    .join('');
}

interface Named {
  name: string;
}

function named<Item extends Named>(
  from: readonly Item[],
  to: readonly Item[],
  contentOf: (item: Item) => string = canonicalText,
): { added: string[]; removed: string[]; changed: string[] } {
  const before = new Map(from.map((item) => [item.name, contentOf(item)]));
  const after = new Map(to.map((item) => [item.name, contentOf(item)]));
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: [...after].filter(([name, text]) => before.has(name) && before.get(name) !== text).map(([name]) => name),
  };
}

/** Names of the members that are not the same. */
function differing(from: object, to: object): string[] {
  const before = new Map<string, unknown>(Object.entries(from));
  const after = new Map<string, unknown>(Object.entries(to));
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => canonicalText(before.get(name)) !== canonicalText(after.get(name))).sort();
}

/** The order of keys means nothing. */
function canonicalText(value: unknown): string {
  return (
    JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
        : inner,
    ) ?? ''
  );
}
