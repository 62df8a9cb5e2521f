/**
 * The forms in which a secret is looked for in what a task says, each for the whole value and for each of its lines: as it is, in
 * base64, in what shells print with `set -x`, in JSON inside of JSON and in HTML. Percent-encoding and escapes are found without
 * being listed (escaped-text.ts).
 */

/** Shorter texts are not looked for: masking every `a` would hide the log and give the secret away. */
const SECRET_CHARACTERS_MIN = 4;
/** Base64 that programs break into lines is looked for in parts of this length, each with a line break anywhere in it. */
const BASE64_PART = 32;
/** That is for values whose base64 is no longer than this; of longer ones only what stands at the beginning of a line is found broken. */
const BASE64_BROKEN_MAX = 6_000;
/** The columns at which programs break base64: MIME and GNU `base64`, then PEM. */
const BASE64_COLUMNS = [76, 64];

/** All these forms of one value, as text, without duplicates. Empty for a value that is too short. */
export function formsOf(secret: string): Set<string> {
  const forms = new Set<string>();
  const add = (more: string[]): void => {
    for (const form of more) if (form.length >= SECRET_CHARACTERS_MIN) forms.add(form);
  };
  for (const text of textsOf(secret)) {
    add([text]);
    add(quotedForms(text));
    add(base64Forms(text));
  }
  if (forms.size > 0) add(brokenBase64Forms(secret));
  return forms;
}

/** The value and its lines, also without the white space at their ends, which programs drop. */
export function textsOf(secret: string): string[] {
  if (secret.length < SECRET_CHARACTERS_MIN || secret.trim() === '') return [];
  const parts = [secret.trim(), secret.replaceAll('\r\n', '\n')];
  const lines = secret.split(/\r\n|\n|\r/);
  if (lines.length > 1) parts.push(...lines, ...lines.map((line) => line.trim()));
  return [...new Set([secret, ...parts.filter((text) => text.trim().length >= SECRET_CHARACTERS_MIN)])];
}

function quotedForms(text: string): string[] {
  return [
    jsonEscaped(jsonEscaped(text)),
    text.replaceAll("'", "'\\''"),
    text.replaceAll("'", `'"'"'`),
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
  ];
}

function jsonEscaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
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
  const forms = ALIGNMENTS.flatMap((before) => {
    const { full, padded } = alignedBase64(text, before);
    return [full, padded, padded.replace(/=+$/, '')];
  });
  return forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
}

const ALIGNMENTS = [0, 1, 2];

function alignedBase64(text: string, before: number): { full: string; padded: string } {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(text)]);
  const padded = bytes.toString('base64').slice(Math.ceil((before * 8) / 6));
  const full = bytes.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
  return { full, padded };
}

function brokenBase64Forms(text: string): string[] {
  const first = alignedBase64(text, 0).full;
  const forms = BASE64_COLUMNS.flatMap((columns) => (first.length > columns ? cut(first, columns) : []));
  if (first.length > BASE64_BROKEN_MAX) return forms;
  const parts = ALIGNMENTS.flatMap((before) => cut(alignedBase64(text, before).full, BASE64_PART));
  return [...forms, ...parts, ...parts.flatMap((part) => ['\n', '\r\n'].flatMap((end) => withBreak(part, end)))];
}

/** A break before the first or after the last character is between parts, where it hides nothing. */
function withBreak(part: string, end: string): string[] {
  return Array.from({ length: part.length - 1 }, (_none, at) => part.slice(0, at + 1) + end + part.slice(at + 1));
}

/** Parts of that length; the last one is longer rather than too short to be looked for. */
function cut(text: string, length: number): string[] {
  const parts: string[] = [];
  let at = 0;
  for (; text.length - at >= length + SECRET_CHARACTERS_MIN; at += length) parts.push(text.slice(at, at + length));
  return [...parts, text.slice(at)];
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
