/** Gives a file to the browser, which puts it where downloads go. */
export function saveAs(name: string, type: string, content: string | Uint8Array<ArrayBuffer>): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun by then; until then the address must lead somewhere.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
