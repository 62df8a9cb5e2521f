/**
 * The tokens that `pelorus login` has got, by the address of their server: `~/.config/pelorus/credentials.json`, mode 0600.
 * A token goes to no other server than the one that gave it.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface KnownToken {
  token: string;
  user: string;
  /** For deleting it. */
  id: number | null;
}

type Variables = Record<string, string | undefined>;

/** Where they are kept; null where there is neither XDG_CONFIG_HOME nor HOME. */
export function credentialsPath(variables: Variables): string | null {
  const given = variables['XDG_CONFIG_HOME'] ?? '';
  const home = variables['HOME'] ?? variables['USERPROFILE'] ?? '';
  if (given === '' && home === '') return null;
  return join(given === '' ? join(home, '.config') : given, 'pelorus', 'credentials.json');
}

/** Null when there is none for that server. A file that cannot be understood holds none. */
export function readKnownToken(file: string | null, server: string): KnownToken | null {
  const origin = URL.parse(server)?.origin;
  return origin === undefined || file === null ? null : (readAll(file)[origin] ?? null);
}

/** Null: forgets it. Replaces the file in one step; nobody else can read it at any moment. Throws where it cannot be written. */
export function writeKnownToken(file: string, server: string, known: KnownToken | null): void {
  const all = readAll(file);
  const { origin } = new URL(server);
  if (known === null) delete all[origin];
  else all[origin] = known;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, `${JSON.stringify(all, null, 2)}\n`, { mode: 0o600 });
  chmodSync(fresh, 0o600);
  renameSync(fresh, file);
}

function readAll(file: string): Record<string, KnownToken> {
  try {
    return parseAll(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return {};
  }
}

function parseAll(value: unknown): Record<string, KnownToken> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).flatMap(([origin, one]) => {
      const known = parseOne(one);
      return known === null ? [] : [[origin, known]];
    }),
  );
}

function parseOne(value: unknown): KnownToken | null {
  if (typeof value !== 'object' || value === null) return null;
  const { token, user, id } = value as Record<string, unknown>;
  if (typeof token !== 'string' || typeof user !== 'string') return null;
  return { token, user, id: typeof id === 'number' ? id : null };
}
