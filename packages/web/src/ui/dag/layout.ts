/** Where the nodes of a graph stand. Small graphs by dagre, whose edges go around nodes; larger ones by our own, which takes milliseconds. */
import { graphlib, layout } from '@dagrejs/dagre';
import { COLUMN_GAP, NODE_HEIGHT, NODE_WIDTH, ROW_GAP, type IndexedGraph, type Layout, type Place } from './graph.ts';
import { layoutLayered } from './layered.ts';

/** dagre takes up to 150 ms for as many on a loaded machine, and 2,500 ms for 300 nodes. */
const DAGRE_NODES = 60;
const DAGRE_EDGES = 120;

export function layoutGraph(graph: IndexedGraph): Layout {
  const small = graph.before.length <= DAGRE_NODES && graph.edges.length <= DAGRE_EDGES;
  return small ? layoutByDagre(graph) : layoutLayered(graph);
}

/** As much of dagre's graph as is used here; its own types lean on a package that it does not bring. */
interface DagreGraph {
  setGraph(label: object): void;
  setDefaultEdgeLabel(label: () => object): void;
  setNode(name: string, label: { width: number; height: number }): void;
  setEdge(from: string, to: string): void;
  /** Its middle. */
  node(name: string): Place;
  edge(from: string, to: string): { points: Place[] };
}

function layoutByDagre({ before, edges }: IndexedGraph): Layout {
  const graph = new (graphlib as unknown as { Graph: new () => DagreGraph }).Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: ROW_GAP, ranksep: COLUMN_GAP, edgesep: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of before.keys()) graph.setNode(String(node), { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const [from, to] of edges) graph.setEdge(String(from), String(to));
  (layout as unknown as (graph: DagreGraph) => void)(graph);
  const places = [...before.keys()].map((node) => {
    const { x, y } = graph.node(String(node));
    return { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
  });
  const bends = edges.map(([from, to]) => {
    const { points } = graph.edge(String(from), String(to));
    // The first and last stand on the borders of the nodes.
    return points.length > 3 ? points.slice(1, -1) : [];
  });
  return {
    places,
    bends,
    width: Math.max(NODE_WIDTH, ...places.map(({ x }) => x + NODE_WIDTH)),
    height: Math.max(NODE_HEIGHT, ...places.map(({ y }) => y + NODE_HEIGHT)),
  };
}
