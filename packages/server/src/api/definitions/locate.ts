/** Where in the text something stands that was found in the definition made from it. */
import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument, type Node, type YAMLMap } from 'yaml';
import type { DefinitionProblem, WorkflowDefinition } from '@pelorus/protocol';

export interface Locator {
  /** The problem with the line and column of what the pointer names, or of the nearest thing around it. */
  problem(pointer: string, message: string): DefinitionProblem;
}

/**
 * Pointers are those of a definition file. In the published form the same thing stands elsewhere, and the problem gets
 * the pointer of that place. The text is read only when there is something to report.
 */
export function createLocator(source: string, form: 'file' | 'published', definition: WorkflowDefinition): Locator {
  let text: { root: Node | null; lines: LineCounter } | null = null;
  return {
    problem: (pointer, message) => {
      text ??= read(source);
      const steps = pointer
        .split('/')
        .slice(1)
        .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
      const written = form === 'published' ? publishedSteps(steps, definition) : steps;
      const offset = offsetOf(text.root, written);
      const position = offset === null ? null : text.lines.linePos(offset);
      return { pointer: toPointer(written), line: position?.line ?? null, column: position?.col ?? null, message };
    },
  };
}

/** JSON is YAML, so one reader does for both. */
function read(source: string): { root: Node | null; lines: LineCounter } {
  const lines = new LineCounter();
  const { contents } = parseDocument(source, { lineCounter: lines, logLevel: 'silent', uniqueKeys: false });
  return { root: isNode(contents) ? contents : null, lines };
}

function toPointer(steps: string[]): string {
  return steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function offsetOf(root: Node | null, steps: string[]): number | null {
  let at = root;
  for (const step of steps) {
    const next = memberOf(at, step);
    if (next === null) break;
    at = next;
  }
  return at?.range?.[0] ?? null;
}

function memberOf(node: Node | null, step: string): Node | null {
  if (isSeq(node)) {
    const item = node.items[Number(step)];
    return isNode(item) ? item : null;
  }
  return isMap(node) ? (membersOf(node).get(step) ?? null) : null;
}

/** Looking through 10,000 tasks for each of 10,000 problems would take long. */
const members = new WeakMap<YAMLMap, Map<string, Node>>();

function membersOf(map: YAMLMap): Map<string, Node> {
  let known = members.get(map);
  if (known === undefined) {
    known = new Map(
      map.items.flatMap((pair) =>
        isScalar(pair.key) && isNode(pair.value) ? [[String(pair.key.value), pair.value]] : [],
      ),
    );
    members.set(map, known);
  }
  return known;
}

const PUBLISHED_KEYS: Record<string, string[]> = {
  needs: ['dep'],
  description: ['desc'],
  extras: ['extras'],
  type: ['type'],
  run: ['parameter', 'script'],
  files: ['parameter', 'resources'],
};

function publishedSteps([top, name, key, ...rest]: string[], definition: WorkflowDefinition): string[] {
  if (top === 'tasks' && name !== undefined) {
    const node = ['nodes', String(definition.tasks.findIndex((task) => task.name === name))];
    return key === undefined ? node : [...node, ...(PUBLISHED_KEYS[key] ?? ['parameter', key]), ...rest];
  }
  if (top === 'params' && name !== undefined)
    return ['userDefParams', String(Object.keys(definition.params).indexOf(name)), 'value'];
  return [];
}
