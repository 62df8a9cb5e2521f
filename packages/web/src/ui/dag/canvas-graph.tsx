/**
 * A graph drawn on a canvas, for graphs of many nodes. Owns where one looks at it from. What is far away is drawn with less: first without texts, then as spots of colour. A frame
 * draws what is in sight only, and is drawn only when something changed.
 */
import { useEffect, useImperativeHandle, useMemo, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useTheme } from '../../app/theme.ts';
import { drawScene, indexOfPlaces, type Eye, type Scene } from './canvas-scene.ts';
import { useHand } from './canvas-hand.ts';
import { ZOOM_FIT_MAX, ZOOM_MAX, ZOOM_MIN, type Drawn } from './drawn.ts';
import { NODE_HEIGHT, NODE_WIDTH, type Layout } from './graph.ts';
import { readPalette } from './paint.ts';

export function CanvasGraph({ nodes, graph, layout, selected, onSelect, onOpen, camera }: Drawn): ReactNode {
  const { t } = useTranslation();
  const { isDark } = useTheme();
  const canvas = useRef<HTMLCanvasElement>(null);
  const eye = useRef<Eye>({ x: 0, y: 0, zoom: 1 });
  const frame = useRef(0);
  // Read again when the theme changes.
  const palette = useMemo(readPalette, [isDark]);
  const grid = useMemo(() => indexOfPlaces(layout), [layout]);
  const scene = useRef<Scene | null>(null);
  scene.current = { nodes, graph, layout, selected, palette, words: (state) => t(`state.${state}`) };

  const draw = (): void => {
    if (frame.current !== 0) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      if (canvas.current && scene.current) drawScene(canvas.current, scene.current, eye.current);
    });
  };
  const look = (next: Eye): void => {
    eye.current = { ...next, zoom: Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, next.zoom)) };
    draw();
  };
  const fit = (): void => {
    if (canvas.current) look(eyeOnAll(canvas.current, layout));
  };

  useEffect(draw);
  useEffect(() => {
    fit();
    const element = canvas.current!;
    let isFirst = true;
    const observer = new ResizeObserver(() => {
      if (!isFirst) draw();
      isFirst = false;
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
    // Where one looks at it from is kept until the graph is another one.
  }, [layout]);

  useImperativeHandle(camera, () => ({
    zoomBy: (factor) => {
      const { clientWidth, clientHeight } = canvas.current!;
      look(zoomedAt(eye.current, { x: clientWidth / 2, y: clientHeight / 2 }, factor));
    },
    fit,
    show: (index) => {
      const { clientWidth, clientHeight } = canvas.current!;
      const { x, y } = layout.places[index]!;
      const { zoom } = eye.current;
      const left = x * zoom + eye.current.x;
      const top = y * zoom + eye.current.y;
      const isSeen =
        left >= 0 && left + NODE_WIDTH * zoom <= clientWidth && top >= 0 && top + NODE_HEIGHT * zoom <= clientHeight;
      if (isSeen && zoom >= 0.2) return draw();
      const nearer = Math.max(0.7, zoom);
      look({
        zoom: nearer,
        x: clientWidth / 2 - (x + NODE_WIDTH / 2) * nearer,
        y: clientHeight / 2 - (y + NODE_HEIGHT / 2) * nearer,
      });
    },
  }));

  useHand(canvas, {
    eye,
    look,
    zoomedAt,
    pick: ({ x, y }) => grid.at((x - eye.current.x) / eye.current.zoom, (y - eye.current.y) / eye.current.zoom),
    onPick: onSelect,
    onOpen: (index) => onOpen?.(index),
    nameOf: (index) => {
      const { label, state, type } = nodes[index]!;
      return `${label} · ${state === undefined ? type : t(`state.${state}`)}`;
    },
  });

  return <canvas ref={canvas} className="absolute inset-0 size-full touch-none" aria-hidden />;
}

function eyeOnAll({ clientWidth, clientHeight }: HTMLCanvasElement, { width, height }: Layout): Eye {
  const zoom = Math.min(ZOOM_FIT_MAX, (clientWidth * 0.94) / width, (clientHeight * 0.94) / height);
  const shown = Math.max(ZOOM_MIN, zoom);
  return { zoom: shown, x: (clientWidth - width * shown) / 2, y: (clientHeight - height * shown) / 2 };
}

/** Nearer or farther, the point staying where it is. */
function zoomedAt(eye: Eye, point: { x: number; y: number }, factor: number): Eye {
  const zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, eye.zoom * factor));
  const by = zoom / eye.zoom;
  return { zoom, x: point.x - (point.x - eye.x) * by, y: point.y - (point.y - eye.y) * by };
}
