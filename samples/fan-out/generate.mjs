// Writes fan-out.yaml: one task, then 200 side by side, then one. Run it again after a change: node generate.mjs
import { writeFileSync } from 'node:fs';

const WIDTH = 200;
const names = Array.from({ length: WIDTH }, (_, index) => `work-${String(index + 1).padStart(3, '0')}`);

const lines = [
  '# 1 → 200 → 1, written by generate.mjs. Every task runs step.sh.',
  '#   pelorus run fan-out --watch',
  '#   pelorus run fan-out --watch -p seconds=2 -p marks=/tmp/marks',
  'name: fan-out',
  'project: samples',
  `description: One task, ${WIDTH} side by side behind it, and one that waits for all of them`,
  'params:',
  '  # How long each task sleeps.',
  '  seconds: { type: number, default: 0 }',
  '  # A file to which each task appends its name when it starts; empty: none.',
  '  marks: ""',
  'tasks:',
  '  start: { type: shell, file: step.sh }',
  ...names.map((name) => `  ${name}: { type: shell, needs: [start], file: step.sh }`),
  '  join:',
  '    type: shell',
  '    file: step.sh',
  '    needs:',
  ...names.map((name) => `      - ${name}`),
];
writeFileSync(new URL('fan-out.yaml', import.meta.url), `${lines.join('\n')}\n`);
