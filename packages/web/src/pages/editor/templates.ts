/** What new things begin as. */
import type { Plain } from './text/yaml-place.ts';

const TEMPLATES: Readonly<Record<string, { [key: string]: Plain }>> = {
  shell: { run: 'echo "hello"' },
  python: { type: 'python', run: 'print("hello")' },
  script: { type: 'script', run: "ctx.log('hello');\nreturn { greeting: 'hello' };\n" },
  http: { type: 'http', url: 'https://example.com/' },
  sql: { type: 'sql', connection: 'main', run: 'select 1' },
  virtual: { type: 'virtual' },
  conditions: { type: 'conditions' },
  switch: { type: 'switch', cases: [{ when: '${n} > 10', goto: [] }] },
  sub_workflow: { type: 'sub_workflow', workflow: '' },
  dependent: { type: 'dependent', upstream: { workflow: '', window: 'today' } },
};

/** A task of that type; what is still to be said stands among the problems. */
export function templateOf(type: string, behind: string | null): { [key: string]: Plain } {
  const { type: written, ...keys } = TEMPLATES[type] ?? { type };
  const needs = behind === null ? {} : { needs: [behind] };
  const when = type === 'conditions' && behind !== null ? { when: { task: behind, state: 'succeeded' } } : {};
  return { ...(written === undefined ? {} : { type: written }), ...needs, ...keys, ...when };
}

export function newDefinition(name: string): string {
  return `name: ${name}
description: ""
tasks:
  hello:
    run: echo "hello"
`;
}
