/**
 * The forms in which a secret is looked for in what a task says: as it is, percent-encoded, in base64, escaped as in JSON,
 * in source code and in what shells print with `set -x`; each of these for the whole value and for each of its lines.
 */

/** Shorter texts are not looked for: masking every `a` would hide the log and give the secret away. */
export const SECRET_CHARACTERS_MIN = 4;
/** The columns at which programs break base64: MIME and GNU `base64`, then PEM. */
const BASE64_COLUMNS = [76, 64];

/** All forms of one value, as text, without duplicates. Empty for a value that is too short. */
export function formsOf(secret: string): Set<string> {
  const forms = new Set<string>();
  for (const text of textsOf(secret)) {
    for (const form of [text, ...percentForms(text), ...jsonForms(text), ...sourceForms(text), ...base64Forms(text)]) {
      if (form.length >= SECRET_CHARACTERS_MIN) forms.add(form);
    }
  }
  return forms;
}

/** The value and, because programs drop or add white space at the ends, its lines. */
function textsOf(secret: string): string[] {
  const texts = [secret, secret.trim(), secret.replaceAll('\r\n', '\n')];
  const lines = secret.split(/\r\n|\n|\r/);
  if (lines.length > 1) texts.push(...lines, ...lines.map((line) => line.trim()));
  return [...new Set(texts)].filter((text) => text.trim().length >= SECRET_CHARACTERS_MIN);
}

// Percent-encoding. What is left as it is differs: RFC 3986, encodeURIComponent, forms, Python's quote, user information, encodeURI.

const LEFT_ALONE = ['', "!*'()", '*', '/', "!$&'()*+,", ";/?:@&=+$,#!*'()", "!$&'()*+,;=:@/?"].map(
  (more) => new Set(Buffer.from(`ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~${more}`)),
);
const FORM = new Set(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.*'));

function percentForms(text: string): string[] {
  const bytes = Buffer.from(text);
  const upper = [...LEFT_ALONE, FORM].flatMap((safe) => {
    const encoded = percentEncoded(bytes, safe);
    return encoded.includes('%20') ? [encoded, encoded.replaceAll('%20', '+')] : [encoded];
  });
  return upper.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

function percentEncoded(bytes: Uint8Array, safe: ReadonlySet<number>): string {
  let text = '';
  for (const byte of bytes) text += safe.has(byte) ? String.fromCharCode(byte) : `%${hex(byte, 2).toUpperCase()}`;
  return text;
}

// JSON and its relatives

function jsonForms(text: string): string[] {
  const plain = jsonEscaped(text);
  const ascii = plain.replace(/[^\0-\x7F]/g, (char) => `\\u${hex(char.charCodeAt(0), 4)}`);
  const html = plain.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${hex(char.charCodeAt(0), 4)}`);
  return [
    ...[plain, ascii, ascii.replace(/\\u[0-9a-f]{4}/g, (code) => `\\u${code.slice(2).toUpperCase()}`), html],
    ...[plain, ascii].map((form) => form.replaceAll('/', '\\/')),
    jsonEscaped(plain),
    // Python's and others' way of showing a text: quotes of the other kind stay as they are.
    plain.replaceAll('\\"', '"'),
    plain.replaceAll('\\"', '"').replaceAll("'", "\\'"),
  ];
}

function jsonEscaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

// Source code and shells

function sourceForms(text: string): string[] {
  return [
    literalEscaped(text, 'python'),
    literalEscaped(text, 'javascript'),
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  ];
}

/**
 * A text as escapes only, which every kind of string literal of the language (but raw ones) reads as that text and which is
 * a syntax error outside of literals: so a value put into a program like this stays a value.
 */
export function literalEscaped(text: string, language: 'python' | 'javascript'): string {
  let escaped = '';
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0;
    if (point < 0x80) escaped += `\\x${hex(point, 2)}`;
    else if (point < 0x1_0000) escaped += `\\u${hex(point, 4)}`;
    else escaped += language === 'python' ? `\\U${hex(point, 8)}` : `\\u{${hex(point, 5)}}`;
  }
  return escaped;
}

// Base64

/**
 * Where a text stands inside of what is encoded decides its base64; at each of the three alignments these are the characters that
 * depend on nothing else, then those with which the encoding ends if the text ends it.
 */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const first = Math.ceil((before * 8) / 6);
    const full = encoded.slice(first, Math.floor(((before + bytes.length) * 8) / 6));
    const padded = encoded.slice(first);
    forms.push(full, padded, padded.replace(/=+$/, ''));
    if (before === 0) for (const columns of BASE64_COLUMNS) forms.push(...wrapped(full, columns));
  }
  return forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
}

function wrapped(encoded: string, columns: number): string[] {
  if (encoded.length <= columns) return [];
  return Array.from({ length: Math.ceil(encoded.length / columns) }, (_none, line) =>
    encoded.slice(line * columns, (line + 1) * columns),
  );
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
