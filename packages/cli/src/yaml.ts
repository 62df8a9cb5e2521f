/** YAML for commands: the library is a third of what a command loads, and few read or write any, so it is loaded when first used. */
import { createRequire } from 'node:module';

/** The library. */
export function yaml(): typeof import('yaml') {
  return createRequire(import.meta.url)('yaml') as typeof import('yaml');
}
