/** One picture of a large graph on a canvas. */
import { STATE_LOOK, type AnyState, type Tone } from '../state-badge.tsx';
import { NODE_HEIGHT, NODE_WIDTH, type DagNode, type IndexedGraph, type Layout, type Place } from './graph.ts';
import { drawEdge, TONE_MARK, type Palette } from './paint.ts';

/** Where the graph's origin is on the canvas, and how large one of its units is. */
export interface Eye {
  x: number;
  y: number;
  zoom: number;
}

export interface Scene {
  nodes: readonly DagNode[];
  graph: IndexedGraph;
  layout: Layout;
  selected: number | null;
  palette: Palette;
  words: (state: AnyState) => string;
}

/** Below these zooms: no texts; straight edges. */
const TEXT_ZOOM = 0.32;
const CURVE_ZOOM = 0.25;
/** More edges in sight than this are drawn thinned out while far away. */
const FAR_EDGES = 6000;

export function drawScene(canvas: HTMLCanvasElement, scene: Scene, eye: Eye): void {
  const context = canvas.getContext('2d', { alpha: true });
  if (!context) return;
  const ratio = devicePixelRatio;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(eye.zoom * ratio, 0, 0, eye.zoom * ratio, eye.x * ratio, eye.y * ratio);
  const sight = {
    left: -eye.x / eye.zoom,
    top: -eye.y / eye.zoom,
    right: (width - eye.x) / eye.zoom,
    bottom: (height - eye.y) / eye.zoom,
  };
  drawEdges(context, scene, eye.zoom, sight);
  if (eye.zoom < TEXT_ZOOM) drawSpots(context, scene, eye.zoom, sight);
  else drawNodes(context, scene, eye.zoom, sight);
}

interface Sight {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

function isSeen({ x, y }: Place, { left, top, right, bottom }: Sight): boolean {
  return x + NODE_WIDTH >= left && x <= right && y + NODE_HEIGHT >= top && y <= bottom;
}

function crosses(from: Place, to: Place, { left, top, right, bottom }: Sight): boolean {
  if (Math.max(from.x + NODE_WIDTH, to.x) < left || Math.min(from.x + NODE_WIDTH, to.x) > right) return false;
  return Math.max(from.y, to.y) + NODE_HEIGHT >= top && Math.min(from.y, to.y) <= bottom;
}

function drawEdges(context: CanvasRenderingContext2D, scene: Scene, zoom: number, sight: Sight): void {
  const { graph, layout, selected, palette } = scene;
  const { places, bends } = layout;
  const marked: (readonly [number, number])[] = [];
  const seen: number[] = [];
  for (const [index, edge] of graph.edges.entries()) {
    const [from, to] = edge;
    if (from === selected || to === selected) marked.push(edge);
    else if (crosses(places[from]!, places[to]!, sight)) seen.push(index);
  }
  const step = zoom < CURVE_ZOOM ? Math.ceil(seen.length / FAR_EDGES) : 1;
  context.beginPath();
  for (let i = 0; i < seen.length; i += step) {
    const [from, to] = graph.edges[seen[i]!]!;
    if (zoom < CURVE_ZOOM) drawLine(context, places[from]!, places[to]!);
    else drawEdge(context, places[from]!, places[to]!, bends[seen[i]!] ?? []);
  }
  context.strokeStyle = palette.edge;
  context.globalAlpha = zoom < CURVE_ZOOM ? 0.35 : 0.75;
  context.lineWidth = Math.max(1.25, 0.75 / zoom);
  context.stroke();
  context.globalAlpha = 1;
  if (marked.length === 0) return;
  context.beginPath();
  for (const [from, to] of marked) drawEdge(context, places[from]!, places[to]!, []);
  context.strokeStyle = palette.accent;
  context.lineWidth = Math.max(2, 1.5 / zoom);
  context.stroke();
}

function drawLine(context: CanvasRenderingContext2D, from: Place, to: Place): void {
  context.moveTo(from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2);
  context.lineTo(to.x, to.y + NODE_HEIGHT / 2);
}

/** From far away: a spot in the colour of the state each. */
function drawSpots(context: CanvasRenderingContext2D, scene: Scene, zoom: number, sight: Sight): void {
  const { nodes, layout, selected, palette } = scene;
  const byTone = new Map<Tone, Place[]>();
  for (const [index, node] of nodes.entries()) {
    const place = layout.places[index]!;
    if (!isSeen(place, sight)) continue;
    const tone = toneOf(node);
    const spots = byTone.get(tone);
    if (spots) spots.push(place);
    else byTone.set(tone, [place]);
  }
  for (const [tone, spots] of byTone) {
    context.fillStyle = palette.tones[tone].strong;
    for (const { x, y } of spots) context.fillRect(x, y, NODE_WIDTH, NODE_HEIGHT);
  }
  const chosen = selected === null ? undefined : layout.places[selected];
  if (!chosen) return;
  context.strokeStyle = palette.accent;
  context.lineWidth = 3 / zoom;
  context.strokeRect(chosen.x - 6, chosen.y - 6, NODE_WIDTH + 12, NODE_HEIGHT + 12);
}

function drawNodes(context: CanvasRenderingContext2D, scene: Scene, zoom: number, sight: Sight): void {
  const { nodes, layout, selected, palette, words } = scene;
  const strong = `500 13px ${palette.font}`;
  const plain = `11px ${palette.font}`;
  context.textBaseline = 'middle';
  for (const [index, node] of nodes.entries()) {
    const place = layout.places[index]!;
    if (!isSeen(place, sight)) continue;
    const { x, y } = place;
    const tone = palette.tones[toneOf(node)];
    context.beginPath();
    context.roundRect(x, y, NODE_WIDTH, NODE_HEIGHT, 8);
    context.fillStyle = palette.surface;
    context.fill();
    context.lineWidth = index === selected ? 3 : 1;
    context.strokeStyle = index === selected ? palette.accent : palette.line;
    context.stroke();
    context.fillStyle = tone.soft;
    context.fillRect(x + 8, y + 9, 28, 28);
    context.fillStyle = tone.strong;
    context.font = `600 15px ${palette.font}`;
    context.textAlign = 'center';
    context.fillText(TONE_MARK[toneOf(node)], x + 22, y + 24);
    context.textAlign = 'start';
    context.fillStyle = palette.ink;
    context.font = strong;
    context.fillText(cut(context, node.label), x + 44, y + 16);
    if (zoom < TEXT_ZOOM * 1.5) continue;
    context.fillStyle = palette.ink2;
    context.font = plain;
    const state = node.state === undefined ? node.type : words(node.state);
    context.fillText(node.note === undefined ? state : `${state} · ${node.note}`, x + 44, y + 33, NODE_WIDTH - 50);
  }
}

function toneOf({ state }: DagNode): Tone {
  return state === undefined ? 'idle' : STATE_LOOK[state].tone;
}

const LABEL_WIDTH = NODE_WIDTH - 52;
const LABELS_KEPT = 20_000;
const cutLabels = new Map<string, string>();

/** As much of a label as has room; in the font that is set. */
function cut(context: CanvasRenderingContext2D, label: string): string {
  const known = cutLabels.get(label);
  if (known !== undefined) return known;
  let text = label;
  if (context.measureText(text).width > LABEL_WIDTH) {
    let length = Math.min(label.length, 60);
    while (length > 1 && context.measureText(`${label.slice(0, length)}…`).width > LABEL_WIDTH) length -= 1;
    text = `${label.slice(0, length)}…`;
  }
  if (cutLabels.size >= LABELS_KEPT) cutLabels.clear();
  cutLabels.set(label, text);
  return text;
}

const CELL = 512;

/** Finds the node at a point without looking at all of them. */
export function indexOfPlaces({ places }: Layout): { at: (x: number, y: number) => number | null } {
  const cells = new Map<string, number[]>();
  for (const [index, { x, y }] of places.entries())
    for (const column of new Set([Math.floor(x / CELL), Math.floor((x + NODE_WIDTH) / CELL)]))
      for (const row of new Set([Math.floor(y / CELL), Math.floor((y + NODE_HEIGHT) / CELL)])) {
        const key = `${column} ${row}`;
        const cell = cells.get(key);
        if (cell) cell.push(index);
        else cells.set(key, [index]);
      }
  return {
    at: (x, y) =>
      (cells.get(`${Math.floor(x / CELL)} ${Math.floor(y / CELL)}`) ?? []).find((index) => {
        const place = places[index]!;
        return x >= place.x && x <= place.x + NODE_WIDTH && y >= place.y && y <= place.y + NODE_HEIGHT;
      }) ?? null,
  };
}
