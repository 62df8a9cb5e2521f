/** The edges of a flow as predecessors, and what is wrong with them. Nothing here recurses. */
import { asMap, idOf, listOf, shown, type Json } from './foreign-json.ts';
import type { DssNode } from './dss-node.ts';
import type { ReportLog } from './report.ts';

/** For each node, by position, the positions of its predecessors. */
export type Predecessors = Set<number>[];

/** What the edges say; edges to nothing and repeated ones are reported and left out. */
export function readEdges(json: Json, nodes: DssNode[], report: ReportLog): Predecessors {
  const positions = new Map<string, number>();
  for (const [index, { ids }] of nodes.entries())
    for (const id of ids) if (!positions.has(id)) positions.set(id, index);
  const needs: Predecessors = nodes.map(() => new Set());
  let mapped = 0;
  for (const edge of listOf(json['edges'])) {
    const [source, target] = endsOf(edge);
    const [from, to] = [positions.get(source ?? ''), positions.get(target ?? '')];
    if (from === undefined || to === undefined) {
      const why = from === undefined ? 'it begins at a node that there is not' : 'it ends at a node that there is not';
      report.add(`edge ${shown(source ?? '?')} → ${shown(target ?? '?')}`, 'unsupported', null, why);
    } else if (needs[to]?.has(from)) {
      report.tally(nodes[to]?.name ?? '', 'edge that is there twice', 'mapped', 'needs', 'once is enough');
    } else {
      needs[to]?.add(from);
      mapped++;
    }
  }
  if (mapped > 0) report.add(`${mapped} ${mapped === 1 ? 'edge' : 'edges'}`, 'mapped', 'needs');
  reportEdgeFields(json, report);
  return needs;
}

function endsOf(edge: unknown): [string | null, string | null] {
  const map = asMap(edge);
  return [idOf(map?.['source']), idOf(map?.['target'])];
}

function reportEdgeFields(json: Json, report: ReportLog): void {
  const fields = new Set(listOf(json['edges']).flatMap((edge) => Object.keys(asMap(edge) ?? {})));
  for (const field of ['source', 'target']) fields.delete(field);
  if (fields.size > 0)
    report.add(
      `edge fields ${shown([...fields].join(', '), 100)}`,
      'unsupported',
      null,
      'only drawn; the graph is laid out anew',
    );
}

/** The nodes of one cycle, the first one again at the end; null when there is none. */
export function cycleIn(needs: Predecessors): number[] | null {
  const state = new Uint8Array(needs.length);
  for (const start of needs.keys()) {
    if (state[start] !== 0) continue;
    const path: { node: number; left: Iterator<number> }[] = [];
    const enter = (node: number): void => {
      state[node] = 1;
      path.push({ node, left: (needs[node] ?? new Set<number>()).values() });
    };
    enter(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.left.next();
      if (next.done === true) {
        state[top.node] = 2;
        path.pop();
      } else if (state[next.value] === 0) enter(next.value);
      else if (state[next.value] === 1) {
        const from = path.findIndex(({ node }) => node === next.value);
        // `needs` point backwards: read from the end, it is the order in which the tasks would have to run.
        return [...path.slice(from).map(({ node }) => node), next.value].reverse();
      }
    }
  }
  return null;
}

/** True when `to` has to wait for `from`, directly or not, or is it. */
export function waitsFor(needs: Predecessors, to: number, from: number): boolean {
  const seen = new Set([to]);
  const left = [to];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next === from) return true;
    for (const before of needs[next] ?? []) {
      if (seen.has(before)) continue;
      seen.add(before);
      left.push(before);
    }
  }
  return false;
}
