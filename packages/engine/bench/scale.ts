/** Prints what large workflows cost: `node packages/engine/bench/scale.ts`. */
import { LARGE_CASES, timed } from '../test/large-workflows.ts';

for (const { title, count, prepare } of LARGE_CASES) {
  const row = [count / 4, count / 2, count].map((size) => {
    const { ms } = timed(prepare(size), 3);
    return `${size}: ${ms.toFixed(1)} ms`;
  });
  console.log(`${row.join(' · ')} · ${title}`);
}
