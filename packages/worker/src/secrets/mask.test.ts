import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formsOf, literalEscaped } from './forms.ts';
import { passwordsIn } from './known-secrets.ts';
import { Mask } from './mask.ts';

/** Feeds the bytes in pieces of these sizes, again and again, and returns all that comes out. */
function through(mask: Mask, bytes: Buffer, sizes: number[]): Buffer {
  const stream = mask.stream();
  const out: Buffer[] = [];
  for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
    const size = sizes[piece % sizes.length] ?? 1;
    out.push(Buffer.from(stream.push(Buffer.from(bytes.subarray(at, at + size)))));
    at += size;
  }
  out.push(stream.end());
  return Buffer.concat(out);
}

function maskOf(...secrets: string[]): Mask {
  const mask = Mask.of(secrets);
  if (!mask) throw new Error('nothing to mask');
  return mask;
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });
const secret = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 4, maxLength: 60 }),
    fc.string({
      unit: fc.constantFrom('a', 'b', 'ab', '%', '+', ' ', '\\', '"', "'", '/', '\n'),
      minLength: 4,
      maxLength: 20,
    }),
  )
  .filter((text) => text.trim().length >= 4);

describe('a form of a secret', () => {
  test('never comes out, however the bytes are cut, alone or among others', () => {
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 3 }),
        fc.string(),
        fc.string(),
        sizes,
        fc.nat(),
        (secrets, before, after, cuts, pick) => {
          const mask = maskOf(...secrets);
          const forms = secrets.flatMap((one) => [...formsOf(one)]);
          const form = forms[pick % forms.length] ?? '';
          const other = forms[(pick * 7 + 3) % forms.length] ?? '';
          const text = Buffer.from(`${before}${form}${after}${other}${form}${before}`);
          const shown = through(mask, text, cuts);
          expect(shown.equals(through(mask, text, [text.length]))).toBe(true);
          const said = shown.toString('latin1').split('***');
          for (const hidden of forms)
            for (const part of said) expect(part.includes(Buffer.from(hidden).toString('latin1'))).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is found whatever an encoder leaves as it is', () => {
    fc.assert(
      fc.property(
        secret,
        fc.subarray(Array.from('!*\'()/~,;:@&=$?#<>[]{}|^ "`é🔑\n')),
        fc.constantFrom('percent', 'escape'),
        fc.boolean(),
        sizes,
        (value, left, kind, upper, cuts) => {
          const encode = (char: string): string => {
            if (/[A-Za-z0-9]/.test(char) || left.includes(char)) return char;
            const units = kind === 'percent' ? [...Buffer.from(char)] : [...char].flatMap((one) => one.split(''));
            return units
              .map((unit) => {
                const digits = (typeof unit === 'number' ? unit : unit.charCodeAt(0)).toString(16);
                const shown = upper ? digits.toUpperCase() : digits;
                return typeof unit === 'number' ? `%${shown.padStart(2, '0')}` : `\\u${shown.padStart(4, '0')}`;
              })
              .join('');
          };
          const text = Buffer.from(`<${Array.from(value, encode).join('')}>`);
          expect(through(maskOf(value), text, cuts).toString()).toBe('<***>');
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is found in base64 wherever the secret begins, with everything that surrounds it', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 8, maxLength: 40 }).filter((text) => text.trim().length >= 8),
        fc.string(),
        fc.string(),
        fc.constantFrom('base64' as const, 'base64url' as const),
        (value, before, after, encoding) => {
          const encoded = Buffer.from(`${before}${value}${after}`).toString(encoding);
          const shown = maskOf(value).text(encoded);
          expect(shown).toContain('***');
          // What is left beside it holds no more than parts of the first and the last byte.
          const [left = '', right = ''] = [shown.split('***')[0], shown.split('***').at(-1)];
          expect(left.length * 6).toBeLessThan(Buffer.byteLength(before) * 8 + 6);
          expect(right.replaceAll('=', '').length * 6).toBeLessThan(Buffer.byteLength(after) * 8 + 12);
        },
      ),
    );
  });

  test.each([
    ['p@ss word/+?&=%', 'p%40ss%20word%2F%2B%3F%26%3D%25'],
    ['p@ss word/+?&=%', 'p%40ss+word%2F%2B%3F%26%3D%25'],
    ['p@ss word/+?&=%', 'p%40ss%20word/%2B%3F%26%3D%25'],
    ['p@ss word/+?&=%', 'p%40ss%20word%2f%2b%3f%26%3d%25'],
    ["it's*(x)~!", 'it%27s%2A%28x%29~%21'],
    ["it's*(x)~!", 'it%27s*%28x%29%7E%21'],
    ['a"b\\c\nd<é>', 'a\\"b\\\\c\\nd<é>'],
    ['a"b\\c\nd<é>', 'a\\"b\\\\c\\nd<\\u00e9>'],
    ['a"b\\c\nd<é>', 'a\\"b\\\\c\\nd\\u003cé\\u003e'],
    ['a/b/c', 'a\\/b\\/c'],
    ["it's mine", "it'\\''s mine"],
    ['geheim', literalEscaped('geheim', 'python')],
    ['ключ🔑', literalEscaped('ключ🔑', 'python')],
    ['ключ🔑', literalEscaped('ключ🔑', 'javascript')],
  ])('%j is found as %s', (value, form) => {
    expect(maskOf(value).text(`[${form}]`)).toBe('[***]');
  });

  test('longer than a pattern is one ***, also when base64 breaks it into lines', () => {
    const value = Array.from({ length: 3000 }, (_none, index) => String.fromCharCode(33 + ((index * index) % 90))).join(
      '',
    );
    expect(maskOf(value).text(`<${value}>`)).toBe('<***>');
    const lines = Buffer.from(value).toString('base64').replaceAll(/.{76}/g, '$&\n');
    expect(maskOf(value).text(lines).replaceAll('***\n', '')).toMatch(/^(\*\*\*)?.{0,3}$/);
  });

  test.each(['line one is here\nline two is here\r\n\n  ab \n', 'x\nline one is here\n'])(
    'of several lines is found line by line: %j',
    (value) => {
      expect(maskOf(value).text('see: line one is here, ab')).toBe('see: ***, ab');
      expect(maskOf(value).text(`<${value}>`)).toBe('<***>');
    },
  );
});

describe('what is no secret', () => {
  test('comes out as it went in, bytes that are no text too, however they are cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), sizes, (bytes, cuts) => {
        const mask = maskOf('canary-1234567890', 'second\tsecret "quoted"');
        expect(through(mask, Buffer.from(bytes), cuts).equals(Buffer.from(bytes))).toBe(true);
      }),
    );
  });

  test('comes out at once, but for what may be the beginning of a secret', () => {
    const stream = maskOf('canary-12').stream();
    const say = (text: string) => stream.push(Buffer.from(text)).toString();
    expect(say('Password? c')).toBe('Password? ');
    expect(say('an')).toBe('');
    expect(say('not')).toBe('cannot');
    expect(say('canary-1')).toBe('');
    expect(say('2canary-12x')).toBe('***x');
    expect(say('canary-')).toBe('');
    expect(stream.end(Buffer.from('3')).toString()).toBe('canary-3');
  });

  test('is what ends too early for anybody to know; what is nearly all of a secret is not shown', () => {
    expect(maskOf('canary-1234').text('ends with cana')).toBe('ends with cana');
    expect(maskOf('canary-1234').text('ends with canary-123')).toBe('ends with ***');
  });

  test('a value of less than four characters is not looked for', () => {
    expect(Mask.of(['abc', '', ' a b'])).toEqual(expect.any(Mask));
    expect(Mask.of(['abc', '', 'ab ', '\n', '        '])).toBeNull();
  });
});

test('forms that overlap or touch become one ***', () => {
  const mask = maskOf('abcdefgh', 'efghijkl', 'mnopqrst');
  expect(mask.text('<abcdefghijkl>')).toBe('<***>');
  expect(mask.text('<abcdefghmnopqrst>')).toBe('<***>');
  expect(through(mask, Buffer.from('<abcdefghijklmnopqrst>'), [1]).toString()).toBe('<***>');
});

test.each([
  ['postgres://u:p%40ss%2Fw@h:1/d', ['p%40ss%2Fw', 'p@ss/w', 'u:p%40ss%2Fw@', 'u:p@ss/w@']],
  ['mysql://u:a/b#c@h/d', ['a/b#c', 'u:a/b#c@']],
  ['postgres://h/d?password=abc%20d&sslmode=require', ['abc d']],
  ['postgres://:only@h/d', ['only', ':only@']],
  ['sqlite:/tmp/x.db', []],
  ['postgres://h/d', []],
])('the passwords in %s', (url, expected) => {
  expect(passwordsIn(url).toSorted()).toEqual(expected.toSorted());
});
