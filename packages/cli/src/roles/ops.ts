/** The operations port of a master or worker, as the settings want it. */
import { openOpsPort, type OpsPort, type OpsPortOptions } from '@pelorus/server/ops';
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import type { Listening } from '../service-settings.ts';
import { isLoopback } from './listen-address.ts';

export interface OpsSettings extends Listening {
  /** Null: nobody is given one, so that only the probes are answered. */
  token: string | null;
}

/** Throws a `Failure` for a port that others reach and no token opens, and where the address cannot be listened on. */
export async function serveOps(
  { host, port, token }: OpsSettings,
  options: Omit<OpsPortOptions, 'host' | 'port' | 'token' | 'log'>,
  log: Logger,
): Promise<OpsPort> {
  if (token === null && !isLoopback(host))
    throw usageFailure(
      `the operations port at ${host}:${port} can be reached from other hosts, and nothing is set that opens it`,
      'PELORUS_OPS_TOKEN or PELORUS_OPS_TOKEN_FILE, or PELORUS_OPS=127.0.0.1:8091',
    );
  try {
    return await openOpsPort({ ...options, host, port, token: token ?? randomBytes(32).toString('hex'), log });
  } catch (cause) {
    throw listenFailure('PELORUS_OPS', { host, port }, cause);
  }
}

/** What to say when nothing can be listened on there. */
export function listenFailure(setting: string, { host, port }: Listening, cause: unknown): Failure {
  return new Failure(
    {
      exitCode: EXIT.conflict,
      what: `cannot listen on ${host}:${port}`,
      why: cause instanceof Error ? cause.message : String(cause),
      todo: `another address with ${setting}`,
    },
    { cause },
  );
}
