/** A hand on a canvas: drags, wheels, pinches, picks. */
import { useEffect, useRef, type RefObject } from 'react';
import type { Eye } from './canvas-scene.ts';
import type { Place } from './graph.ts';

const CLICK_PX = 4;

export interface Hand {
  eye: RefObject<Eye>;
  look: (eye: Eye) => void;
  zoomedAt: (eye: Eye, point: Place, factor: number) => Eye;
  /** The node at a point of the canvas. */
  pick: (point: Place) => number | null;
  onPick: (index: number | null) => void;
  onOpen: (index: number) => void;
  nameOf: (index: number) => string;
}

export function useHand(canvas: RefObject<HTMLCanvasElement | null>, hand: Hand): void {
  const latest = useRef(hand);
  useEffect(() => {
    latest.current = hand;
  });
  useEffect(() => {
    const element = canvas.current!;
    const fingers = new Map<number, Place>();
    let moved = 0;
    const pointOf = ({ clientX, clientY }: MouseEvent): Place => {
      const { left, top } = element.getBoundingClientRect();
      return { x: clientX - left, y: clientY - top };
    };
    const onDown = (event: PointerEvent): void => {
      if (event.button !== 0) return;
      if (fingers.size === 0) moved = 0;
      fingers.set(event.pointerId, pointOf(event));
      element.setPointerCapture(event.pointerId);
    };
    const onMove = (event: PointerEvent): void => {
      const { eye, look, zoomedAt, pick, nameOf } = latest.current;
      const point = pointOf(event);
      const before = fingers.get(event.pointerId);
      if (before === undefined) {
        const found = pick(point);
        element.style.cursor = found === null ? 'grab' : 'pointer';
        const name = found === null ? '' : nameOf(found);
        if (element.title !== name) element.title = name;
        return;
      }
      fingers.set(event.pointerId, point);
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      moved += Math.abs(point.x - before.x) + Math.abs(point.y - before.y);
      if (other === undefined) {
        look({ ...eye.current, x: eye.current.x + point.x - before.x, y: eye.current.y + point.y - before.y });
        return;
      }
      const factor = distance(point, other) / Math.max(1, distance(before, other));
      look(zoomedAt(eye.current, { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 }, factor));
    };
    const onUp = (event: PointerEvent): void => {
      const wasAlone = fingers.size === 1;
      if (!fingers.delete(event.pointerId)) return;
      if (wasAlone && moved < CLICK_PX && event.type === 'pointerup') {
        const { pick, onPick } = latest.current;
        onPick(pick(pointOf(event)));
      }
    };
    const onDouble = (event: MouseEvent): void => {
      const found = latest.current.pick(pointOf(event));
      if (found !== null) latest.current.onOpen(found);
    };
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const { eye, look, zoomedAt } = latest.current;
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1);
      look(zoomedAt(eye.current, pointOf(event), 2 ** (-pixels * (event.ctrlKey ? 0.02 : 0.002))));
    };
    const stop = new AbortController();
    const { signal } = stop;
    element.addEventListener('pointerdown', onDown, { signal });
    element.addEventListener('pointermove', onMove, { signal });
    element.addEventListener('pointerup', onUp, { signal });
    element.addEventListener('pointercancel', onUp, { signal });
    element.addEventListener('dblclick', onDouble, { signal });
    element.addEventListener('wheel', onWheel, { signal, passive: false });
    return () => stop.abort();
  }, [canvas]);
}

function distance(a: Place, b: Place): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
