/** Looks at files that others make and remove meanwhile. */
import { readdirSync, readFileSync, type Dirent } from 'node:fs';
import { join } from 'node:path';

/** The files below a directory, of which any may vanish meanwhile. */
export function filesBelow(directory: string): string[] {
  return entriesOf(directory).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/** Those of them that hold any of these texts. */
export function filesHolding(directory: string, texts: readonly string[]): string[] {
  return filesBelow(directory).filter((path) => {
    const content = unlessGone(() => readFileSync(path, 'utf8'), '');
    return texts.some((text) => content.includes(text));
  });
}

/** What was read, or `otherwise` where there is nothing to be read any more. */
export function unlessGone<Value>(read: () => Value, otherwise: Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return otherwise;
    throw error;
  }
}

function entriesOf(directory: string): Dirent[] {
  return unlessGone(() => readdirSync(directory, { withFileTypes: true }), []);
}
