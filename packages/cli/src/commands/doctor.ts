import type { SystemView } from '@pelorus/protocol';
import { ApiError } from '@pelorus/sdk';
import type { InvariantFinding } from '@pelorus/server/store';
import { limitsOutlook } from '@pelorus/worker/limits-outlook';
import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { dataDirectoryAt } from '../data-directory.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { writeListing, type Column } from '../output.ts';
import { productVersion } from '../product-version.ts';
import { readServerFile } from '../server-file.ts';
import { openSession, type Host, type Session } from '../session.ts';
import { examples } from '../examples.ts';

interface Check {
  check: string;
  /** A note: nothing is wrong, and something could be better. */
  result: 'ok' | 'note' | 'warning' | 'failed';
  detail: string;
}

const OLDEST_NODE = 24;
const PATIENCE_MS = 3_000;

/** `pelorus doctor` */
export function addDoctorCommand(program: Command, host: Host): void {
  program
    .command('doctor')
    .description('is everything there that Pelorus needs?')
    .option('--data <dir>', 'the data directory of `pelorus dev` (PELORUS_DATA, ./.pelorus)')
    .option('--audit', 'ask the store whether any invariant of the cluster is broken; nothing is stopped or changed')
    .addHelpText('after', examples('pelorus doctor', 'pelorus doctor -o json', 'pelorus doctor --audit'))
    .action(async ({ audit, ...flags }: { data?: string; audit?: true }, command: Command) => {
      const session = openSession(command, host, flags);
      if (audit === true) return auditInvariants(session);
      const rows = [checkNode(), ...(await checkServer(session)), await checkStore(session), checkLimits()];
      const columns: Column<Check>[] = [
        { title: 'CHECK', value: (one) => one.check },
        {
          title: 'RESULT',
          value: (one) => one.result,
          tone: (one) => ({ ok: 'good', note: 'quiet', warning: 'warn', failed: 'bad' } as const)[one.result],
        },
        { title: 'DETAIL', value: (one) => one.detail },
      ];
      writeListing(session.terminal.out, session.format, { rows, columns, name: (one) => one.check, none: '' });
      if (rows.some((one) => one.result === 'failed')) process.exitCode = EXIT.unexpected;
    });
}

/** Beside whoever works on the store: SQLite lets readers in, and PostgreSQL is asked in one transaction that reads. */
async function auditInvariants({ settings, host, terminal, format }: Session): Promise<void> {
  const url = settings.store.value ?? '';
  const { store } = dataDirectoryAt(settings.data.value ?? '', url, host.directory);
  const { auditStore } = await import('../store-place.ts');
  const { checks, findings, more } = await auditStore(store, url);
  const columns: Column<InvariantFinding>[] = [
    { title: 'INVARIANT', value: (one) => one.invariant, tone: () => 'bad' },
    { title: 'CHECK', value: (one) => one.check },
    { title: 'SUBJECT', value: (one) => one.subject },
    { title: 'DETAIL', value: (one) => one.detail },
  ];
  const none = `${checks} questions, and no invariant is broken`;
  writeListing(terminal.out, format, { rows: findings, columns, name: (one) => one.subject, none });
  for (const check of more) terminal.err.write(`there are more of: ${check}\n`);
  if (findings.length > 0) process.exitCode = EXIT.unexpected;
}

function checkNode(): Check {
  const result = Number.parseInt(process.versions.node, 10) >= OLDEST_NODE ? 'ok' : 'failed';
  return {
    check: 'node',
    result,
    detail: `${process.version} at ${process.execPath}; at least ${OLDEST_NODE} is needed`,
  };
}

/** Of a worker that is started as this program was. */
function checkLimits(): Check {
  const { kind, keeps, missing } = limitsOutlook();
  const kept = keeps.map((one) => (one === 'memory' ? 'memory' : 'processes')).join(' and ');
  const detail =
    kept === ''
      ? 'a worker started from here limits memory and processes of a task by no control group'
      : `a worker started from here limits ${kept} of a task by a control group of its own (${kind})`;
  return missing === null
    ? { check: 'limits', result: 'ok', detail }
    : { check: 'limits', result: 'note', detail: `${detail}: ${missing}` };
}

/** A server that nobody named and that does not run is no fault: perhaps none has been started yet. */
async function checkServer(session: Session): Promise<Check[]> {
  const signal = AbortSignal.any([session.signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const system = await session.client.system(signal);
    const { items } = await session.client.workers.list(signal);
    const online = items.filter((worker) => worker.state === 'online');
    return [
      { check: 'server', result: 'ok', detail: `${session.server}, ${serverText(system)}` },
      {
        check: 'worker',
        result: online.length > 0 ? 'ok' : 'failed',
        detail:
          online.length > 0
            ? `${online.length} online, ${online.reduce((sum, worker) => sum + worker.slots, 0)} slots`
            : 'none is online: tasks wait',
      },
    ];
  } catch (error) {
    session.signal.throwIfAborted();
    const named = session.settings.server.source !== 'default';
    const detail =
      error instanceof ApiError ? error.message : `${session.server} does not answer within ${PATIENCE_MS / 1000} s`;
    return [
      {
        check: 'server',
        result: named ? 'failed' : 'warning',
        detail: `${detail}${named ? '' : '; start one with `pelorus dev`'}`,
      },
    ];
  }
}

function serverText(system: SystemView): string {
  const own = productVersion();
  return `version ${system.version}${system.version === own ? '' : ` (this program is ${own})`}, store ${system.store}`;
}

async function checkStore({ settings, host }: Session): Promise<Check> {
  const { root, store } = dataDirectoryAt(settings.data.value ?? '', settings.store.value ?? '', host.directory);
  if (store === null) return checkServerStore(settings.store.value ?? '');
  if (!existsSync(store))
    return { check: 'store', result: 'ok', detail: `${store} is not there yet; \`pelorus dev\` makes it` };
  const { openFileStore } = await import('../store-place.ts');
  try {
    await (await openFileStore(store)).close();
    return { check: 'store', result: 'ok', detail: `${store} can be opened` };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const server = readServerFile(root);
    if (error.fields.exitCode === EXIT.conflict)
      return {
        check: 'store',
        result: 'ok',
        detail: `${store} is in use by ${server === null ? 'a process' : `process ${server.pid} at ${server.address}`}`,
      };
    return { check: 'store', result: 'failed', detail: `${error.fields.what}: ${error.fields.why ?? ''}` };
  }
}

async function checkServerStore(url: string): Promise<Check> {
  const { schemaOf, serverOf } = await import('../store-place.ts');
  try {
    const { applied, known, missing } = await schemaOf(url);
    const text = `${serverOf(url)}, schema ${applied}`;
    if (applied > known)
      return { check: 'store', result: 'failed', detail: `${text}: a newer Pelorus made it; this one knows ${known}` };
    return missing.length === 0
      ? { check: 'store', result: 'ok', detail: text }
      : { check: 'store', result: 'warning', detail: `${text} of ${known}; the next start brings it up to date` };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { check: 'store', result: 'failed', detail: `${error.fields.what}: ${error.fields.why ?? ''}` };
  }
}
