import type { MasterView } from '@pelorus/protocol';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { writeListing, type Column } from '../output.ts';
import type { MasterRoleOptions } from '../roles/master.ts';
import {
  alertSettings,
  auditSettings,
  durationOf,
  hostAndPortOf,
  listOf,
  logSettings,
  opsSettings,
  required,
  requiredStore,
  selectorOf,
  serviceLog,
  tlsSettings,
} from '../service-settings.ts';
import { openSession, relativeTo, type Host, type Session } from '../session.ts';
import type { Given } from '../settings.ts';
import { instantText } from '../words.ts';

interface MasterFlags {
  store?: string;
  listen?: string;
  ops?: string;
  opsUrl?: string;
}

/** `pelorus master`, `pelorus master list` */
export function addMasterCommand(program: Command, host: Host): void {
  const master = program
    .command('master')
    .description('one master of a cluster: decides what runs; any number may run over one store')
    .option('--store <url>', 'postgres://user:password@host/database (PELORUS_STORE)')
    .option('--listen <address:port>', 'where workers come in (PELORUS_LISTEN, 127.0.0.1:8090)')
    .option('--ops <address:port>', 'where operators and APIs come in (PELORUS_OPS, 127.0.0.1:8091)')
    .option('--ops-url <url>', 'how APIs reach that (PELORUS_OPS_URL, http://<PELORUS_OPS>)')
    .addHelpText('after', examples('pelorus master --store postgres://pelorus@db/pelorus', 'pelorus master list'))
    .action(async (flags: MasterFlags, command: Command) => runMaster(openSession(command, host, given(flags))));

  master
    .command('list')
    .description('masters, newest start first, with the runs that each owns')
    .addHelpText('after', examples('pelorus master list', 'pelorus master list -o json'))
    .action(async (_flags: object, command: Command) => listMasters(openSession(command, host)));
}

function given({ store, listen, ops, opsUrl }: MasterFlags): Given {
  return {
    ...(store === undefined ? {} : { store }),
    ...(listen === undefined ? {} : { listen }),
    ...(ops === undefined ? {} : { ops }),
    ...(opsUrl === undefined ? {} : { opsUrl }),
  };
}

async function runMaster(session: Session): Promise<void> {
  const options = await masterOptions(session);
  // Loaded here, for the other commands need none of it.
  const [{ serveRole }, { startMasterRole }] = await Promise.all([
    import('../roles/serve.ts'),
    import('../roles/master.ts'),
  ]);
  await serveRole(session, { name: 'master', drainMs: 0, start: () => startMasterRole(options) });
}

async function masterOptions(session: Session): Promise<MasterRoleOptions> {
  const { settings, host } = session;
  return {
    store: {
      url: requiredStore(settings, 'master'),
      masterLeaseMs: durationOf(settings, 'masterLease'),
      audit: auditSettings(settings),
      signal: session.signal,
    },
    door: {
      ...hostAndPortOf(settings, 'listen'),
      tokens: listOf(required(settings, 'workerToken', 'workers present it to masters')),
      tls: tlsSettings(settings, host.directory),
    },
    ops: opsSettings(settings),
    opsUrl: settings.opsUrl.value,
    secretKeys: required(settings, 'secretKey', 'masters and APIs of a cluster open each other’s secrets'),
    selector: selectorOf(settings),
    logs: logSettings(settings, host.directory),
    alerts: alertSettings(settings),
    log: await serviceLog(session),
  };
}

async function listMasters(session: Session): Promise<void> {
  const { items } = await session.client.masters.list(session.signal);
  const reference = relativeTo(session);
  const columns: Column<MasterView>[] = [
    { title: 'MASTER', value: (master) => master.id },
    { title: 'HOST', value: (master) => master.host },
    {
      title: 'STATE',
      value: (master) => master.state,
      tone: (master) => (master.state === 'active' ? 'good' : 'quiet'),
    },
    { title: 'RUNS', value: (master) => String(master.runs) },
    { title: 'STARTED', value: (master) => instantText(master.registeredAt, reference) },
    { title: 'RENEWED', value: (master) => instantText(master.renewedAt, reference) },
    { title: 'LEASE UNTIL', value: (master) => instantText(master.leaseUntil, reference) },
  ];
  writeListing(session.terminal.out, session.format, {
    rows: items,
    columns,
    name: (master) => master.id,
    none: 'no masters',
  });
}
