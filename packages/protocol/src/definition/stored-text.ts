/** What the store can hold as text, and how many bytes it takes. */

/** Length in bytes when encoded as UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/** Why `text` cannot be stored (`holds a NUL character …`), or null when it can. */
export function unstorable(text: string, maxBytes: number): string | null {
  if (text.includes('\0')) return 'holds a NUL character (U+0000), which cannot be stored';
  if (!text.isWellFormed()) return 'holds half of a surrogate pair, which is not text and cannot be stored';
  if (text.length * 3 > maxBytes) {
    const bytes = utf8Length(text);
    if (bytes > maxBytes) return `is ${bytes} bytes long; at most ${maxBytes} are allowed`;
  }
  return null;
}
