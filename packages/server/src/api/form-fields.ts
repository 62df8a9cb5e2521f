export interface UploadedFile {
  name: string;
  bytes: Buffer;
}

/** Adds a value of a form; a name given again becomes an array. `fields` must have no prototype. */
export function addField(fields: Record<string, unknown>, name: string, value: string): void {
  const earlier = fields[name];
  if (earlier === undefined) fields[name] = value;
  else fields[name] = [earlier, value].flat();
}
