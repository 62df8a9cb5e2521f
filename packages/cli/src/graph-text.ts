/** A graph of tasks for reading, or as source for Mermaid and Graphviz. */
export const GRAPH_FORMATS = ['text', 'mermaid', 'dot'] as const;
export type GraphFormat = (typeof GRAPH_FORMATS)[number];

export interface GraphNode {
  name: string;
  needs: string[];
}

const NAMES_SHOWN = 6;

export function graphText(nodes: GraphNode[], format: GraphFormat): string {
  switch (format) {
    case 'text':
      return levelsText(nodes);
    case 'mermaid':
      return mermaidText(nodes);
    case 'dot':
      return dotText(nodes);
  }
}

/** One block per level: what can run side by side; each task with what it waits for. */
function levelsText(nodes: GraphNode[]): string {
  const levels: GraphNode[][] = [];
  const levelOf = new Map<string, number>();
  for (const node of inOrder(nodes)) {
    const level = node.needs.reduce((deepest, name) => Math.max(deepest, (levelOf.get(name) ?? -1) + 1), 0);
    levelOf.set(node.name, level);
    (levels[level] ??= []).push(node);
  }
  return levels
    .map((level, index) => `${index + 1}\n${level.map((node) => `  ${node.name}${needsText(node.needs)}\n`).join('')}`)
    .join('');
}

function needsText(needs: string[]): string {
  if (needs.length === 0) return '';
  const more = needs.length > NAMES_SHOWN ? ` and ${needs.length - NAMES_SHOWN} more` : '';
  return `  ← ${needs.slice(0, NAMES_SHOWN).join(', ')}${more}`;
}

/** Predecessors first; what is on a cycle comes last, as written. */
function inOrder(nodes: GraphNode[]): GraphNode[] {
  const open = new Map(nodes.map((node) => [node.name, node.needs.length]));
  const followers = new Map<string, GraphNode[]>();
  for (const node of nodes) for (const need of node.needs) pushTo(followers, need, node);

  const ordered = nodes.filter((node) => node.needs.length === 0);
  for (const node of ordered) {
    for (const follower of followers.get(node.name) ?? []) {
      const left = (open.get(follower.name) ?? 0) - 1;
      open.set(follower.name, left);
      if (left === 0) ordered.push(follower);
    }
  }
  const reached = new Set(ordered);
  return [...ordered, ...nodes.filter((node) => !reached.has(node))];
}

function mermaidText(nodes: GraphNode[]): string {
  const ids = new Map(nodes.map((node, index) => [node.name, `t${index}`]));
  const boxes = nodes.map((node) => `  ${ids.get(node.name)}["${node.name.replaceAll('"', '#quot;')}"]`);
  const arrows = nodes.flatMap((node) => node.needs.map((need) => `  ${ids.get(need)} --> ${ids.get(node.name)}`));
  return `${['flowchart LR', ...boxes, ...arrows].join('\n')}\n`;
}

function dotText(nodes: GraphNode[]): string {
  const quoted = (name: string): string => `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const boxes = nodes.map((node) => `  ${quoted(node.name)};`);
  const arrows = nodes.flatMap((node) => node.needs.map((need) => `  ${quoted(need)} -> ${quoted(node.name)};`));
  return `${['digraph workflow {', '  rankdir=LR; node [shape=box];', ...boxes, ...arrows, '}'].join('\n')}\n`;
}

function pushTo(lists: Map<string, GraphNode[]>, key: string, node: GraphNode): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [node]);
  else list.push(node);
}
