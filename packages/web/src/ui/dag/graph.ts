/** What a drawn graph is made of, whoever draws it. Directions: from left to right. */
import type { AnyState } from '../state-badge.tsx';

export interface DagNode {
  id: string;
  label: string;
  /** The task's type, as definitions write it. */
  type: string;
  state?: AnyState;
  /** A few words behind the state, such as how long it took. */
  note?: string;
}

export interface DagEdge {
  from: string;
  to: string;
}

/** Of its upper left corner, in the units of the graph (pixels at a zoom of 1). */
export interface Place {
  x: number;
  y: number;
}

export interface Layout {
  /** In the order of the nodes. */
  places: readonly Place[];
  /** Bends of each edge, in the order of the edges; empty: straight from one to the other. */
  bends: readonly (readonly Place[])[];
  width: number;
  height: number;
}

export const NODE_WIDTH = 208;
export const NODE_HEIGHT = 46;
export const COLUMN_GAP = 56;
export const ROW_GAP = 16;

/** A graph by positions instead of names; edges from or to unknown nodes are left out. */
export interface IndexedGraph {
  /** Positions of both ends. */
  edges: readonly (readonly [number, number])[];
  /** By node, positions of its neighbours. */
  before: readonly (readonly number[])[];
  after: readonly (readonly number[])[];
}

export function indexGraph(ids: readonly string[], edges: readonly DagEdge[]): IndexedGraph {
  const at = new Map(ids.map((id, index) => [id, index]));
  const before: number[][] = ids.map(() => []);
  const after: number[][] = ids.map(() => []);
  const pairs: [number, number][] = [];
  for (const { from, to } of edges) {
    const source = at.get(from);
    const target = at.get(to);
    if (source === undefined || target === undefined) continue;
    pairs.push([source, target]);
    before[target]!.push(source);
    after[source]!.push(target);
  }
  return { edges: pairs, before, after };
}

export type Direction = 'left' | 'right' | 'up' | 'down';

/** The node that an arrow key leads to: along an edge to the nearest, or up and down within a column; null: none. */
export function neighbour(
  graph: IndexedGraph,
  places: readonly Place[],
  from: number,
  direction: Direction,
): number | null {
  const here = places[from];
  if (here === undefined) return null;
  const along = direction === 'left' ? graph.before[from] : direction === 'right' ? graph.after[from] : null;
  if (along) return nearest(along, (index) => Math.abs(places[index]!.y - here.y));
  const sign = direction === 'down' ? 1 : -1;
  let best: number | null = null;
  let bestDistance = Infinity;
  for (const [index, { x, y }] of places.entries()) {
    const ahead = (y - here.y) * sign;
    if (Math.abs(x - here.x) > NODE_WIDTH / 2 || ahead <= 0 || ahead >= bestDistance) continue;
    best = index;
    bestDistance = ahead;
  }
  return best;
}

function nearest(candidates: readonly number[], distance: (index: number) => number): number | null {
  let best: number | null = null;
  for (const index of candidates) if (best === null || distance(index) < distance(best)) best = index;
  return best;
}
