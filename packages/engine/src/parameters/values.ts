/** Parameter values: their text, what the store can hold, and what a declaration admits. */
import { LIMITS, type ParameterDeclaration, type ParameterValue } from '@pelorus/protocol/vocabulary';
import { PARAMETER_LIMITS } from './limits.ts';

/** `true`, `false`, the shortest digits that mean the number, or the text itself. */
export function textOf(value: ParameterValue): string {
  if (typeof value === 'string') return value;
  return Object.is(value, -0) ? '0' : String(value);
}

/** Null, or why the text cannot be kept or handed to a process; completes "parameter `x` …". */
export function unstorable(text: string): string | null {
  if (
    text.length > LIMITS.parameterBytes ||
    (text.length * 3 > LIMITS.parameterBytes && utf8Bytes(text) > LIMITS.parameterBytes)
  ) {
    return `is longer than ${LIMITS.parameterBytes} bytes`;
  }
  if (text.includes('\0')) return 'holds a NUL character';
  if (!text.isWellFormed()) return 'holds half a surrogate pair, which is no character';
  return null;
}

/** Null, or why the declaration does not admit the text; completes "parameter `x` …". */
export function notAdmitted(declaration: ParameterDeclaration, text: string): string | null {
  const { type, enum: allowed } = declaration;
  if (!isOfType(type, text))
    return `is declared as ${type === 'integer' ? 'an integer' : `a ${type}`}; \`${shorten(text)}\` is not one`;
  if (!allowed || allowed.some((value) => sameValue(type, textOf(value), text))) return null;
  return `may be ${allowed.map((value) => `\`${textOf(value)}\``).join(', ')}; \`${shorten(text)}\` is none of them`;
}

export function shorten(text: string): string {
  return text.length > PARAMETER_LIMITS.quotedChars ? `${text.slice(0, PARAMETER_LIMITS.quotedChars)}…` : text;
}

function isOfType(type: ParameterDeclaration['type'], text: string): boolean {
  switch (type) {
    case 'string':
      return true;
    case 'boolean':
      return text === 'true' || text === 'false';
    case 'integer':
      return /^[+-]?[0-9]+$/.test(text);
    case 'number':
      return /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text) && Number.isFinite(Number(text));
  }
}

function sameValue(type: ParameterDeclaration['type'], left: string, right: string): boolean {
  if (left === right) return true;
  if (type === 'integer')
    return (
      /^[+-]?[0-9]+$/.test(left) &&
      BigInt(unsigned(left)) === BigInt(unsigned(right)) &&
      isNegative(left) === isNegative(right)
    );
  return type === 'number' && Number(left) === Number(right);
}

function unsigned(text: string): string {
  return text.replace(/^[+-]/, '');
}
function isNegative(text: string): boolean {
  return text.startsWith('-') && /[1-9]/.test(text);
}

function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
