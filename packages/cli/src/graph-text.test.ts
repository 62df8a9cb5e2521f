import { expect, test } from 'vitest';
import { graphText } from './graph-text.ts';

const DIAMOND = [
  { name: 'join', needs: ['left', 'right'] },
  { name: 'left', needs: ['start'] },
  { name: 'right', needs: ['start'] },
  { name: 'start', needs: [] },
];

test('text: one block per level, predecessors first whatever the order of writing', () => {
  expect(graphText(DIAMOND, 'text')).toBe(
    '1\n  start\n2\n  left  ← start\n  right  ← start\n3\n  join  ← left, right\n',
  );
});

test('text: many predecessors are counted', () => {
  const wide = Array.from({ length: 9 }, (_, index) => ({ name: `t${index}`, needs: [] }));
  expect(graphText([...wide, { name: 'end', needs: wide.map((node) => node.name) }], 'text')).toContain(
    'end  ← t0, t1, t2, t3, t4, t5 and 3 more',
  );
});

test('text: a chain of 20,000 tasks is no trouble', () => {
  const chain = Array.from({ length: 20_000 }, (_, index) => ({
    name: `t${index}`,
    needs: index === 0 ? [] : [`t${index - 1}`],
  }));
  expect(graphText(chain, 'text').split('\n')).toHaveLength(40_001);
});

test('mermaid and dot: every task and every edge', () => {
  expect(graphText(DIAMOND, 'mermaid').match(/-->/g)).toHaveLength(4);
  expect(graphText([{ name: 'a"b', needs: [] }], 'dot')).toContain('"a\\"b";');
  expect(graphText(DIAMOND, 'dot').match(/->/g)).toHaveLength(4);
});
