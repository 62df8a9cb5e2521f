/** Under which the server takes one order once, however often it is sent. Pages of plain http have no `randomUUID`. */
export function newRequestKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
