/** Asks what it is sent, one request after the other over one connection, sends back how long each took, and ends. */
import { Agent, request } from 'node:http';
import type { Measured, Scenario } from './lists.ts';

const base = process.argv[2]!;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

process.once('message', (scenarios: Scenario[]) => void measureAll(scenarios));

async function measureAll(scenarios: Scenario[]): Promise<void> {
  for (const scenario of scenarios) process.send?.(await measure(scenario));
  process.disconnect?.();
}

async function measure({ name, path, requests, pages }: Scenario): Promise<Measured> {
  const latencies: number[] = [];
  let bytes = 0;
  let cursor: string | null = null;
  for (let asked = 0; asked < requests; asked++) {
    const at = performance.now();
    const body = await get(cursor === null ? path : `${path}&cursor=${encodeURIComponent(cursor)}`);
    latencies.push(performance.now() - at);
    bytes = body.length;
    if (!pages) continue;
    cursor = (JSON.parse(body.toString('utf8')) as { nextCursor: string | null }).nextCursor;
    if (cursor === null) break;
  }
  return { name, latencies, bytes };
}

function get(path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const sent = request(base + path, { agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${path} answered ${response.statusCode}: ${body.toString('utf8').slice(0, 500)}`));
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
