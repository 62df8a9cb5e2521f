import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTemplate, escapeTemplate, parseTemplate } from './template.ts';

describe('checkTemplate', () => {
  it.each([
    'plain',
    '',
    '$',
    'a$b',
    '$HOME costs $5',
    '${name}',
    '$[yyyyMMdd]',
    'p=${a}/$[yyyy-MM-dd HH:mm:ss-1]',
    '$[yyyyMMdd-${n}]',
    '$[${format}-1]',
    '$$[not ours',
    '$${not ours',
    '${system.biz.date}',
    '${名前}',
  ])('accepts %j', (text) => {
    expect(checkTemplate(text)).toBeNull();
  });

  it.each(['$[1+2]', "json_extract(doc, '$[0]')", '$[*]', '$[#-1]', '$[]'])(
    'leaves %j alone: no time expression is without a letter',
    (text) => {
      expect(checkTemplate(text)).toBeNull();
      expect(parseTemplate(text, 'bound').parts).toEqual([{ kind: 'text', text }]);
    },
  );

  it.each([
    ['a ${b', '`${b` has no closing `}` (line 1)'],
    ['a\n\nb ${}', '`${}` names no parameter (line 3)'],
    ['${  }', '`${  }` names no parameter (line 1)'],
    [
      'x\n$[yyyyMMdd',
      '`$[yyyyMMdd` has no closing `]` within 256 characters; a literal `$[` is written `$$[` (line 2)',
    ],
    [
      '$[yyyyMMDD]',
      'bad time expression `$[yyyyMMDD]`: `DD` is not a field of a format; the day is dd; a literal `$[` is written `$$[` (line 1)',
    ],
    [
      'ok $[yyyy] then $[nope]',
      "bad time expression `$[nope]`: `n` is not a field of a format; letters meant as text stand in quotes, as in 'T'; a literal `$[` is written `$$[` (line 1)",
    ],
  ])('refuses %j', (text, problem) => {
    expect(checkTemplate(text)).toBe(problem);
  });

  it.each(['${x:-y}', '${#list[@]}', '${', '${}', 'echo "${a[$i]}"', '$$ ${!x}', '${file%.*}'])(
    'leaves the shell its own %j',
    (text) => {
      expect(checkTemplate(text, 'script')).toBeNull();
      expect(parseTemplate(text, 'script').parts).toEqual([{ kind: 'text', text }]);
    },
  );

  it('finds a time expression inside an expansion of the shell', () => {
    expect(parseTemplate('${x:-$[yyyy]}', 'script').parts).toEqual([
      { kind: 'text', text: '${x:-' },
      { kind: 'time', inner: [{ kind: 'text', text: 'yyyy' }], source: '$[yyyy]' },
      { kind: 'text', text: '}' },
    ]);
  });

  it('keeps a closing bracket in quotes as text of the format', () => {
    expect(checkTemplate("$[yyyy'[1]']")).toBeNull();
  });

  it('stays quick on a megabyte of openings', () => {
    for (const piece of ['${', '$[', '$[y', '$', '${a']) {
      const startedAt = performance.now();
      checkTemplate(piece.repeat(1_000_000 / piece.length));
      // Trying each opening against all the rest would take minutes.
      expect(performance.now() - startedAt).toBeLessThan(20_000);
    }
  });
});

describe('escapeTemplate', () => {
  const pieces = fc
    .array(fc.constantFrom('$', '{', '[', ']', '}', 'yyyy', 'a', '${a}', '$[yyyy]', '\n', "'"), { maxLength: 12 })
    .map((list) => list.join(''));

  it('makes any text its own value', () => {
    fc.assert(
      fc.property(pieces, (text) => {
        const { parts, problems } = parseTemplate(escapeTemplate(text), 'value');
        expect(problems).toEqual([]);
        expect(parts.map((part) => (part.kind === 'text' ? part.text : `<${part.kind}>`)).join('')).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it('loses nothing of any text without escapes, well-formed or not', () => {
    fc.assert(
      fc.property(pieces, (text) => {
        fc.pre(!text.includes('$$['));
        const { parts, problems } = parseTemplate(text, 'bound');
        expect(checkTemplate(text, 'bound')).toBe(problems[0] ?? null);
        const back = parts.map((part) => (part.kind === 'text' ? part.text : part.source)).join('');
        expect(back).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });
});
