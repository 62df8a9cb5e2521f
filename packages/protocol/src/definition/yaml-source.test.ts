import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePlainYaml } from './plain-yaml.ts';
import { MAX_DEPTH } from './source.ts';
import { parseAnyYaml, parseYamlSource } from './yaml-source.ts';

const documents = [
  `# A comment
name: w
description: 'it''s' # another
params: { year: "$[yyyy]", n: -1.50, list: [a b, "c, d", 'e', [], {}] }
tasks:
  a:
    run: |
      echo hello

        indented # not a comment
    env:
      X: 1
      Y: ~
      Z:
  b: { run: test "$(wc -l < x)" -gt 300, needs: [a] }
  c:
    needs:
    - a
    - b
    when:
      - and:
          - task: a
            state: failed
          - - x
            - y: z

      - |-
        text
end: true
`,
  'a:\n  - 1\n  - "q\\n\\"x\\" \\\\"\n  -\n  - k: v\n    l:\n\n    m: http://x/y:z#a\nb: []\n',
];
const pieces = [
  ' ',
  '  ',
  '\n',
  '\n  ',
  ':',
  ': ',
  '- ',
  '#',
  ' #',
  '"',
  "'",
  '{',
  '}',
  '[',
  ']',
  ',',
  ', ',
  '|',
  '|-\n',
  '>',
  '&a ',
  '*a',
  '!t ',
  '~',
  'null',
  'True',
  '1',
  '-',
  '?',
  '%',
  '---\n',
  '\t',
  '\\',
  '0x1',
  '1e3',
  '.5',
  '@',
  '`',
  'a: b',
  '\\n',
  'é',
  '<<: ',
  '+1',
  '-0',
  '\r\n',
  '\ufeff',
];
const edit = fc.record({ at: fc.nat(2000), remove: fc.nat(4), insert: fc.constantFrom('', ...pieces) });
const edited = fc.tuple(fc.constantFrom(...documents), fc.array(edit, { maxLength: 3 })).map(([text, edits]) =>
  edits.reduce((before, { at, remove, insert }) => {
    const from = at % (before.length + 1);
    return before.slice(0, from) + insert + before.slice(from + remove);
  }, text),
);

describe('the short way for plain YAML', () => {
  it('reads documents as they are usually written', () => {
    for (const document of documents) expect(parsePlainYaml(document)).toEqual(parseAnyYaml(document).root);
  });

  it('answers null or exactly what the full parser reads, positions included', () => {
    let plainCount = 0;
    fc.assert(
      fc.property(edited, (text) => {
        const plain = parsePlainYaml(text);
        if (plain === null) return;
        plainCount++;
        expect(parseAnyYaml(text)).toEqual({ root: plain, problems: [] });
      }),
      { numRuns: 1000 },
    );
    expect(plainCount).toBeGreaterThan(250);
  });

  it('leaves everything else to the full parser', () => {
    for (const text of [
      'a: &x 1',
      'a: *x',
      'a: !t 1',
      '---\na: 1',
      'a: >\n  x',
      'a: x\n  y',
      'a: 1\na: 2',
      'a: 0x1',
      'a: "\\u0041"',
      'a:\tb',
      'a b: 1',
      'a: b: c',
      '',
      'a: {b: 1',
      '? a',
    ]) {
      expect(parsePlainYaml(text), text).toBeNull();
    }
  });
});

describe('YAML', () => {
  it('refuses nesting beyond the limit instead of running out of stack', () => {
    const message = `more than ${MAX_DEPTH} collections inside one another`;
    for (const text of [
      '['.repeat(100_000),
      '- '.repeat(100_000),
      `a: ${'{ a: '.repeat(50_000)}`,
      `? ${'? '.repeat(50_000)}`,
    ]) {
      expect(parseYamlSource(text)).toMatchObject({ root: null, problems: [{ message: `YAML syntax: ${message}` }] });
    }
    const allowed = '['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH);
    expect(parseYamlSource(allowed).problems).toEqual([]);
    expect(parseYamlSource(`[${allowed}]`).problems.map((problem) => problem.message)).toEqual([message]);
  });

  it('allows an anchor to be used very often', () => {
    const text = `x: &x { max: 1 }\n${Array.from({ length: 5000 }, (_, index) => `k${index}: *x\n`).join('')}`;
    expect(parseYamlSource(text).problems).toEqual([]);
  });
});
