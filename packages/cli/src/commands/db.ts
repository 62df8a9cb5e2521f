import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { writeItem } from '../output.ts';
import { requiredStore } from '../service-settings.ts';
import { openSession, type Host, type Session } from '../session.ts';

interface DbFlags {
  store?: string;
}

interface SchemaView {
  store: string;
  schema: number;
  known: number;
  missing: string[];
}

/** `pelorus db …`: the database of a cluster, past any server. */
export function addDbCommand(program: Command, host: Host): void {
  const db = program.command('db').description('the database of a cluster');
  const store = ['--store <url>', 'postgres://user:password@host/database (PELORUS_STORE)'] as const;

  db.command('status')
    .description('which schema it has, and whether this version of Pelorus needs a newer one; changes nothing')
    .option(...store)
    .addHelpText('after', examples('pelorus db status', 'pelorus db status -o json'))
    .action(async (flags: DbFlags, command: Command) => showStatus(openSession(command, host, flags)));

  db.command('migrate')
    .description('bring its schema up to date, however long that takes; every start of a master or API does so too')
    .option(...store)
    .addHelpText('after', examples('pelorus db migrate'))
    .action(async (flags: DbFlags, command: Command) => migrate(openSession(command, host, flags)));
}

async function showStatus(session: Session): Promise<void> {
  const url = requiredStore(session.settings, 'db');
  const { schemaOf, serverOf } = await import('../store-place.ts');
  const { applied, known, missing } = await schemaOf(url);
  const view: SchemaView = { store: serverOf(url), schema: applied, known, missing };
  writeItem(session.terminal.out, session.format, { value: view, name: String(applied), text: () => statusText(view) });
}

function statusText({ store, schema, known, missing }: SchemaView): string {
  if (schema > known) return `${store}: schema ${schema}, made by a newer Pelorus; this one knows ${known}\n`;
  if (missing.length === 0) return `${store}: schema ${schema}, up to date\n`;
  const has = schema === 0 ? 'empty' : `schema ${schema}`;
  return `${store}: ${has}; \`pelorus db migrate\` brings it to ${known}: ${missing.join(', ')}\n`;
}

async function migrate(session: Session): Promise<void> {
  const url = requiredStore(session.settings, 'db');
  const { migrateServer, serverOf } = await import('../store-place.ts');
  const { applied, known, missing } = await migrateServer(url, session.host.now());
  const view = { store: serverOf(url), schema: known, applied: missing };
  writeItem(session.terminal.out, session.format, {
    value: view,
    name: String(known),
    text: () =>
      missing.length === 0
        ? `${view.store}: schema ${applied} was up to date\n`
        : `${view.store}: schema ${known}; applied: ${missing.join(', ')}\n`,
  });
}
