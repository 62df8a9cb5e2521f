/**
 * Records what this version of the program leaves in its database when it dies with runs under way, once for each kind of database,
 * under the number of its schema in `recorded`. To be run when a version ships: `node packages/server/test/versions/record.ts`.
 * What it has recorded never changes; `versions.test.ts` opens all of it with the program as it is.
 */
import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isTerminalRun } from '@pelorus/protocol';
import { startServer } from '../../../worker/test/database-servers.ts';
import { startMaster } from '../../src/master/index.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';
import { scriptedWorker } from '../master/scripted-worker.ts';
import type { Place } from '../store/contract.ts';
import { makePostgresPlace } from '../store/postgres-place.ts';
import { definition, newRun, saveOf, taskDefinition } from '../store/records.ts';
import { makeSqlitePlace } from '../store/sqlite-place.ts';

const LOOK_MS = 20;
const HUNDRED_YEARS_MS = 3_155_760_000_000;
const MINUTE_MS = 60_000;

const server = (await startServer('postgres'))!;
await record('sqlite', await makeSqlitePlace(), (place) => dumpSqlite(join(place.reference, 'pelorus.db')));
await record('postgres', await makePostgresPlace(server.url), (place) => dumpPostgres(place.reference));
await server.stop();
// The masters' loops still look for their stores.
process.exit(0);

async function record(kind: string, place: Place, dump: (place: Place) => string): Promise<void> {
  const running = await die(place);
  const folder = fileURLToPath(new URL('recorded/', import.meta.url));
  const name = join(folder, `${MIGRATIONS.at(-1)!.number}-${kind}`);
  await mkdir(folder, { recursive: true });
  await writeFile(`${name}.sql`, dump(place));
  await writeFile(`${name}.running.json`, `${JSON.stringify(running, null, 2)}\n`);
  await place.remove();
}

/** What `versions.test.ts` expects of each of the runs: 1 has ended, the others are under way. Answers with what a worker holds. */
async function die(place: Place): Promise<unknown[]> {
  const store = await place.open();
  await store.ensureProject({ name: 'sales', description: '', owner: 'ann', at: Date.now() });
  const save = (
    name: string,
    tasks: ReturnType<typeof taskDefinition>[],
    more: Parameters<typeof definition>[0] = {},
  ) => store.saveWorkflow(saveOf({ name, hash: name, definition: definition({ name, tasks, ...more }) }));
  await save('ended', [taskDefinition('only')]);
  const [extract, load, report] = ['extract', 'load', 'report'] as const;
  await save('chain', [
    taskDefinition(extract, { outputs: {} }),
    taskDefinition(load, { needs: [extract] }),
    taskDefinition(report, { needs: [load] }),
  ]);
  await save('serial', [taskDefinition('turn')], { concurrency: 'serial_wait' });
  const retry = { max: 3, intervalMs: MINUTE_MS, backoff: 'fixed', maxIntervalMs: MINUTE_MS } as const;
  await save('shaky', [taskDefinition('again', { retry })]);
  const submit = async (to: typeof store, workflow: string) => {
    const made = newRun({ workflow, submittedAt: Date.now(), timeoutMs: HUNDRED_YEARS_MS, params: { day: 'Monday' } });
    return (await to.submitRun(made)).run.id;
  };

  const silent = (): void => undefined;
  const master = await startMaster({ store, log: { info: silent, warn: silent, error: silent } });
  const worker = scriptedWorker(({ task }) => {
    if (task === 'again') return 'fail';
    return task === load || task === 'turn' ? 'go on' : 'succeed';
  });
  worker.dial((link) => master.attachWorker(link));
  const ended = await submit(store, 'ended');
  await until(async () => isTerminalRun((await store.getRun(ended))!.status.state));
  await submit(store, 'chain');
  await submit(store, 'serial');
  await submit(store, 'serial');
  const shaky = await submit(store, 'shaky');
  await until(async () => {
    const { tasks } = (await store.getRunDetail(shaky))!;
    return worker.running.size === 2 && tasks[0]?.state === 'retry_wait';
  });
  await store.close();

  const again = await place.open();
  await submit(again, 'chain');
  await again.close();
  return [...worker.running.values()];
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(LOOK_MS);
}

function dumpSqlite(file: string): string {
  const db = new DatabaseSync(file);
  const texts = (sql: string): string[] =>
    db
      .prepare(sql)
      .all()
      .map((row) => Object.values(row)[0] as string);
  const tables = texts(
    `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name`,
  );
  const inserts = tables.flatMap((table) => {
    const columns = texts(`select name from pragma_table_info('${table}')`);
    const cells = columns.map((column) => `quote("${column}")`).join(` || ', ' || `);
    return texts(`select 'insert into "${table}" values (' || ${cells} || ');' from "${table}"`);
  });
  const schema = (types: string): string[] =>
    texts(
      `select sql || ';' from sqlite_master where sql is not null and type in (${types}) and name not like 'sqlite_%'`,
    );
  const sequences = texts(
    `select 'update sqlite_sequence set seq = ' || seq || ' where name = ' || quote(name) || ';' from sqlite_sequence`,
  );
  // Triggers count what is written: they come last.
  const rest = schema(`'index', 'trigger', 'view'`);
  return [
    'pragma foreign_keys = off; begin;',
    ...schema(`'table'`),
    ...inserts,
    ...sequences,
    ...rest,
    'commit;',
    '',
  ].join('\n');
}

function dumpPostgres(url: string): string {
  const program = globSync('/usr/lib/postgresql/*/bin/pg_dump').at(-1)!;
  const text = execFileSync(program, ['--inserts', '--no-owner', '--no-privileges', url], { encoding: 'utf8' });
  const isOurs = (line: string): boolean => line !== '' && !/^(--|\\|SET (?!default_table))/.test(line);
  return `${text.split('\n').filter(isOurs).join('\n')}\n`;
}
