/**
 * Who may import whom: the one place. `scripts/check-imports.ts` enforces it on every file, and ARCHITECTURE.md quotes it
 * (a test compares). A folder is a unit; the longest matching path wins.
 */
export interface Unit {
  name: string;
  /** Folders or single files, from the repository's root. */
  paths: string[];
  /** Units whose values and types it may import, besides itself. */
  imports: string[];
  /** Units of which it may import types only. */
  typesOf?: string[];
  /** Names that it may not import even from an allowed unit. */
  never?: string[];
  /** No Node, no clock, no chance: neither modules of Node nor anything that reads the time. */
  pure?: true;
}

export const IMPORT_TABLE: Unit[] = [
  { name: 'protocol', paths: ['packages/protocol/src'], imports: [], pure: true },
  { name: 'engine', paths: ['packages/engine/src'], imports: ['protocol'], pure: true },
  { name: 'engine/sim', paths: ['packages/engine/sim'], imports: ['engine', 'protocol', 'worker/core'] },
  { name: 'server/store', paths: ['packages/server/src/store'], imports: ['engine', 'protocol'] },
  {
    name: 'server/vault',
    paths: ['packages/server/src/vault'],
    imports: ['server/store', 'worker/secrets', 'engine', 'protocol'],
  },
  {
    name: 'server/master',
    paths: ['packages/server/src/master'],
    imports: ['server/store', 'server/vault', 'engine', 'protocol'],
  },
  {
    name: 'server/api',
    paths: ['packages/server/src/api'],
    imports: ['server/store', 'server/logs', 'server/vault', 'engine', 'protocol'],
    typesOf: ['server/master'],
    never: ['decide', 'apply'],
  },
  { name: 'server/logs', paths: ['packages/server/src/logs'], imports: ['server/store', 'protocol'] },
  {
    name: 'server/alerts',
    paths: ['packages/server/src/alerts'],
    imports: ['server/store', 'server/vault', 'engine', 'protocol'],
  },
  {
    name: 'server/ops',
    paths: ['packages/server/src/ops'],
    imports: ['engine', 'protocol'],
    typesOf: ['server/store', 'server/master'],
  },
  { name: 'worker', paths: ['packages/worker/src'], imports: ['worker/core', 'worker/secrets', 'protocol'] },
  { name: 'worker/secrets', paths: ['packages/worker/src/secrets'], imports: ['protocol'] },
  {
    name: 'worker/core',
    paths: [
      'packages/worker/src/core.ts',
      'packages/worker/src/due-queue.ts',
      'packages/worker/src/execution-lease.ts',
    ],
    imports: ['protocol'],
    pure: true,
  },
  { name: 'web', paths: ['packages/web/src'], imports: ['sdk', 'protocol'] },
  { name: 'sdk', paths: ['packages/sdk/src'], imports: ['protocol'] },
  {
    name: 'cli',
    paths: ['packages/cli'],
    imports: [
      'protocol',
      'engine',
      'server/store',
      'server/vault',
      'server/master',
      'server/api',
      'server/alerts',
      'server/logs',
      'server/ops',
      'worker',
      'sdk',
    ],
  },
];

/** Tests, and what only tests and measurements use, may import everything; nothing else may import them. */
export const TEST_FILES = /\.test\.ts$|\/(test|bench)\//;

/** The table as ARCHITECTURE.md shows it. */
export function importTableAsMarkdown(): string {
  const rows = IMPORT_TABLE.map((unit) => {
    const paths = unit.paths.map((path) => `\`${path}\``).join(', ');
    const imports = [...unit.imports, ...(unit.typesOf ?? []).map((name) => `${name} (types)`)].join(', ');
    const never = (unit.never ?? []).map((name) => `\`${name}\``).join(', ');
    return `| ${unit.name} | ${paths} | ${imports || '–'} | ${never || ''} | ${unit.pure ? 'yes' : ''} |`;
  });
  return ['| unit | where | may import | but never | pure |', '|---|---|---|---|---|', ...rows].join('\n');
}
