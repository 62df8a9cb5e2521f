/** The entity tag of a version, as the server makes it: what a save must find stored. */
export function versionTag({ version, hash }: { version: number; hash: string }): string {
  return `"${version}-${hash.slice(0, 16)}"`;
}
