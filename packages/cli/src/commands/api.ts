import type { Command } from 'commander';
import { usageFailure } from '../failure.ts';
import { writeItem } from '../output.ts';
import type { ApiRoleOptions } from '../roles/api.ts';
import {
  alertSettings,
  apiSettings,
  auditSettings,
  durationOf,
  logSettings,
  required,
  requiredStore,
  serviceLog,
} from '../service-settings.ts';
import { openSession, type Host, type Session } from '../session.ts';
import type { Given } from '../settings.ts';
import { examples } from '../examples.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

interface ApiFlags {
  data?: string;
  store?: string;
  host?: string;
  port?: string;
}

/**
 * `pelorus api`: one API of a cluster. `pelorus api GET /runs`: any call, with the address and token that the other commands
 * use.
 */
export function addApiCommand(program: Command, host: Host): void {
  program
    .command('api [method] [path]')
    .description('one API of a cluster; with a method and a path below /api/v1: call the API')
    .option('-d, --data <json>', 'of a call: the body; @file reads it from a file, - from standard input')
    .option('--store <url>', 'postgres://user:password@host/database (PELORUS_STORE)')
    .option('--host <address>', 'address to listen on (PELORUS_HOST, 127.0.0.1)')
    .option('--port <port>', 'port to listen on (PELORUS_PORT, 8080); 0: any')
    .addHelpText(
      'after',
      examples(
        'pelorus api --store postgres://pelorus@db/pelorus --host 0.0.0.0',
        'pelorus api GET "/runs?limit=5"',
        'pelorus api GET /executors/12',
        `pelorus api POST /runs -d '{"project":"samples","workflow":"hello"}'`,
      ),
    )
    .action(async (method: string | undefined, path: string | undefined, flags: ApiFlags, command: Command) => {
      if (method === undefined) return runApi(openSession(command, host, given(flags)));
      return call(openSession(command, host), { method: method.toUpperCase(), path, data: flags.data });
    });
}

function given({ store, host, port }: ApiFlags): Given {
  return {
    ...(store === undefined ? {} : { store }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
  };
}

async function runApi(session: Session): Promise<void> {
  const options = await apiOptions(session);
  // Loaded here, for the other commands need none of it.
  const [{ serveRole }, { startApiRole }] = await Promise.all([import('../roles/serve.ts'), import('../roles/api.ts')]);
  await serveRole(session, { name: 'api', drainMs: 0, start: () => startApiRole(options) });
}

async function apiOptions(session: Session): Promise<ApiRoleOptions> {
  const { settings, host } = session;
  return {
    store: {
      url: requiredStore(settings, 'api'),
      masterLeaseMs: durationOf(settings, 'masterLease'),
      audit: auditSettings(settings),
      signal: session.signal,
    },
    api: apiSettings(settings),
    port: Number(settings.port.value),
    secretKeys: required(settings, 'secretKey', 'masters and APIs of a cluster open each other’s secrets'),
    opsToken: settings.opsToken.value,
    logs: logSettings(settings, host.directory),
    alerts: alertSettings(settings),
    log: await serviceLog(session),
  };
}

async function call(
  session: Session,
  { method, path, data }: { method: string; path: string | undefined; data: string | undefined },
): Promise<void> {
  if (!METHODS.includes(method)) throw usageFailure(`${method} is not one of ${METHODS.join(', ')}`);
  if (path === undefined) throw usageFailure(`a path is missing`, `pelorus api ${method} /runs`);
  if (!path.startsWith('/'))
    throw usageFailure(`the path must begin with /, not "${path}"`, `pelorus api ${method} /${path}`);
  const body = data === undefined ? {} : { body: await bodyOf(data, session.host) };
  const answer = await session.client.request({
    method,
    path: path.replace(/^\/api\/v1(?=\/)/, ''),
    signal: session.signal,
    ...body,
  });
  if (answer === undefined) return;
  writeItem(session.terminal.out, session.format, {
    value: answer,
    name: '',
    text: () => `${JSON.stringify(answer, null, 2)}\n`,
  });
}

async function bodyOf(written: string, host: Host): Promise<string> {
  if (written === '-') return host.readStdin();
  if (!written.startsWith('@')) return written;
  const { readFile } = await import('node:fs/promises');
  return readFile(written.slice(1), 'utf8').catch((cause: unknown) => {
    throw usageFailure(`${written.slice(1)} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  });
}
