/** How an edge runs, and how states look where no elements are: on a canvas. */
import type { Tone } from '../state-badge.tsx';
import { NODE_HEIGHT, NODE_WIDTH, type Place } from './graph.ts';

/** What leads a line: a canvas's context, or the text of an SVG path. */
export interface Pen {
  moveTo(x: number, y: number): void;
  bezierCurveTo(x1: number, y1: number, x2: number, y2: number, x: number, y: number): void;
}

/** From the right side of one node over the bends to the left side of another. */
export function drawEdge(pen: Pen, from: Place, to: Place, bends: readonly Place[]): void {
  let x = from.x + NODE_WIDTH;
  let y = from.y + NODE_HEIGHT / 2;
  pen.moveTo(x, y);
  const curve = (toX: number, toY: number): void => {
    const reach = toX >= x ? (toX - x) / 2 : Math.max(40, (x - toX) / 3);
    pen.bezierCurveTo(x + reach, y, toX - reach, toY, toX, toY);
    x = toX;
    y = toY;
  };
  for (const bend of bends) curve(bend.x, bend.y);
  curve(to.x, to.y + NODE_HEIGHT / 2);
}

export function edgePath(from: Place, to: Place, bends: readonly Place[]): string {
  const parts: string[] = [];
  drawEdge(
    {
      moveTo: (x, y) => parts.push(`M${x},${y}`),
      bezierCurveTo: (x1, y1, x2, y2, x, y) => parts.push(`C${x1},${y1} ${x2},${y2} ${x},${y}`),
    },
    from,
    to,
    bends,
  );
  return parts.join('');
}

/** The shape of a tone, for there are no icons on a canvas. */
export const TONE_MARK: Record<Tone, string> = {
  ok: '✓',
  run: '▶',
  bad: '✕',
  warn: '!',
  idle: '○',
  hold: '‖',
};

export interface Palette {
  surface: string;
  line: string;
  edge: string;
  ink: string;
  ink2: string;
  accent: string;
  tones: Record<Tone, { strong: string; soft: string }>;
  font: string;
}

/** The colours of the theme as it is now. */
export function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  const tone = (name: Tone) => ({ strong: value(`--${name}`), soft: value(`--${name}-soft`) });
  return {
    surface: value('--surface'),
    line: value('--line'),
    edge: value('--line-strong'),
    ink: value('--ink'),
    ink2: value('--ink-2'),
    accent: value('--accent'),
    tones: {
      ok: tone('ok'),
      run: tone('run'),
      bad: tone('bad'),
      warn: tone('warn'),
      idle: tone('idle'),
      hold: tone('hold'),
    },
    font: getComputedStyle(document.body).fontFamily,
  };
}
