import { createServer } from 'node:net';
import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';

/** How many ports after the first are tried. */
const TRIED = 100;

/** The first port from `from` on that nobody listens on; 0 stays 0, any. */
export async function freePort(host: string, from: number): Promise<number> {
  if (from === 0) return 0;
  for (let port = from; port < Math.min(from + TRIED, 65_536); port += 1) if (await isFree(host, port)) return port;
  throw new Failure({
    exitCode: EXIT.conflict,
    what: `no free port from ${from} to ${from + TRIED - 1} on ${host}`,
    todo: 'name another with --port; --port 0 takes any',
  });
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else
        reject(
          new Failure(
            {
              exitCode: EXIT.usage,
              what: `cannot listen on ${host}:${port}`,
              why: error.message,
              todo: 'name another address with --host or another port with --port',
            },
            { cause: error },
          ),
        );
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
