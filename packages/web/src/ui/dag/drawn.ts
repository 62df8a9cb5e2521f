/** What both ways of drawing a graph are given, and what they offer. */
import type { Ref } from 'react';
import type { DagEdge, DagNode, IndexedGraph, Layout } from './graph.ts';

export interface Drawn {
  nodes: readonly DagNode[];
  graph: IndexedGraph;
  layout: Layout;
  /** Position of the node that is chosen. */
  selected: number | null;
  onSelect: (index: number | null) => void;
  onOpen?: ((index: number) => void) | undefined;
  onConnect?: ((from: string, to: string) => void) | undefined;
  onDelete?: ((what: { nodes: string[]; edges: DagEdge[] }) => void) | undefined;
  camera: Ref<Camera>;
}

export interface Camera {
  zoomBy: (factor: number) => void;
  /** Shows all of it. */
  fit: () => void;
  /** Moves a node into sight, if it is not. */
  show: (index: number) => void;
}

export const ZOOM_MIN = 0.02;
export const ZOOM_MAX = 2;
/** A few nodes are not blown up. */
export const ZOOM_FIT_MAX = 1;
