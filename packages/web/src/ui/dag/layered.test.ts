import { describe, expect, test } from 'vitest';
import { indexGraph, neighbour, NODE_HEIGHT, NODE_WIDTH, type DagEdge } from './graph.ts';
import { layoutLayered, ranksOf, spread } from './layered.ts';
import { layoutGraph } from './layout.ts';

/** `a b` draws an edge from a to b. */
function graphOf(ids: string, ...edges: string[]) {
  const list: DagEdge[] = edges.map((edge) => {
    const [from, to] = edge.split(' ') as [string, string];
    return { from, to };
  });
  return indexGraph(ids.split(' '), list);
}

function overlaps({ places }: { places: readonly { x: number; y: number }[] }): number {
  let found = 0;
  for (const [i, a] of places.entries())
    for (const b of places.slice(i + 1))
      if (Math.abs(a.x - b.x) < NODE_WIDTH && Math.abs(a.y - b.y) < NODE_HEIGHT) found += 1;
  return found;
}

describe('columns', () => {
  test('every edge leads to the right, by the longest way', () => {
    expect(ranksOf(graphOf('a b c d', 'a b', 'b c', 'a c', 'c d'))).toEqual([0, 1, 2, 3]);
  });

  test('a beginning stands just before what follows it', () => {
    expect(ranksOf(graphOf('a b c late', 'a b', 'b c', 'late c'))).toEqual([0, 1, 2, 1]);
  });

  test('a circle, which an editor may hold for a while, is drawn all the same', () => {
    expect(ranksOf(graphOf('a b c', 'a b', 'b c', 'c a'))).toEqual([0, 1, 2]);
  });

  test('edges from or to what there is not are left out', () => {
    expect(graphOf('a', 'a ghost', 'ghost a').edges).toEqual([]);
  });
});

describe('heights', () => {
  test('wishes that leave enough room come true', () => {
    expect(spread([0, 100, 300])).toEqual([0, 100, 300]);
  });

  test('those that do not are moved as little as it takes, all together', () => {
    expect(spread([0, 0, 0])).toEqual([-62, 0, 62]);
  });
});

describe('places', () => {
  test('no two nodes overlap, whatever the shape', () => {
    const wide = [...Array(200).keys()].map((i) => `w${i}`);
    const fan = indexGraph(
      ['start', ...wide, 'end'],
      wide.flatMap((name) => [
        { from: 'start', to: name },
        { from: name, to: 'end' },
      ]),
    );
    expect(overlaps(layoutLayered(fan))).toBe(0);
    const ladder = [...Array(120).keys()].map((i) => `n${i}`);
    const edges = ladder.flatMap((_, i) => [
      { from: `n${i}`, to: `n${i + 7}` },
      { from: `n${i}`, to: `n${i + 11}` },
    ]);
    expect(overlaps(layoutLayered(indexGraph(ladder, edges)))).toBe(0);
    expect(overlaps(layoutGraph(graphOf('a b c d', 'a b', 'a c', 'b d', 'c d')))).toBe(0);
  });

  test('a wide column is wrapped: a thousand side by side keep the shape of a screen', () => {
    const wide = [...Array(1000).keys()].map((i) => `w${i}`);
    const fan = indexGraph(
      ['start', ...wide],
      wide.map((to) => ({ from: 'start', to })),
    );
    const { width, height } = layoutLayered(fan);
    expect(width / height).toBeGreaterThan(0.5);
    expect(width / height).toBeLessThan(4);
  });

  test('nothing at all has a layout too', () => {
    expect(layoutGraph(indexGraph([], [])).places).toEqual([]);
  });
});

describe('arrow keys', () => {
  const graph = graphOf('a b c d', 'a b', 'a c', 'b d', 'c d');
  const { places } = layoutLayered(graph);

  test('lead along edges and within a column', () => {
    expect(neighbour(graph, places, 0, 'left')).toBe(null);
    expect([1, 2]).toContain(neighbour(graph, places, 0, 'right'));
    const [upper, lower] = (places[1]?.y ?? 0) < (places[2]?.y ?? 0) ? [1, 2] : [2, 1];
    expect(neighbour(graph, places, upper, 'down')).toBe(lower);
    expect(neighbour(graph, places, lower, 'up')).toBe(upper);
    expect(neighbour(graph, places, lower, 'down')).toBe(null);
  });
});
