import { badParameter } from './problem.ts';

/** Numbers of which an opaque cursor is made; only this file knows how. */
export function writeCursor(values: number[]): string {
  return Buffer.from(values.join('.')).toString('base64url');
}

/** Throws the 400 that names `cursor` for a text that `writeCursor` did not make with `length` numbers. */
export function readCursor(cursor: string | undefined, length: number): number[] | null {
  if (cursor === undefined) return null;
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const values = /^\d{1,15}(\.\d{1,15})*$/.test(text) ? text.split('.').map(Number) : [];
  if (values.length !== length) throw badParameter('cursor', 'cursor is not one that an earlier page gave');
  return values;
}

/** As `writeCursor`, of a text. */
export function writeTextCursor(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/** As `readCursor`. */
export function readTextCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  if (text === '' || /\p{C}/u.test(text) || writeTextCursor(text) !== cursor)
    throw badParameter('cursor', 'cursor is not one that an earlier page gave');
  return text;
}
