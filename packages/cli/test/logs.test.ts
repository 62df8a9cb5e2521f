/** Logs that are shipped, with real processes: `pelorus dev` over each kind of log store, killed and started again. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startS3Server, type S3TestServer } from '../../server/test/logs/s3-server.ts';
import { freePorts } from '../../worker/test/free-ports.ts';
import { newPlace, until, type DevProcess, type Place } from './dev-process.ts';

/** A place whose logs go somewhere else than where the worker writes them. */
const inPlace = test.extend<{ place: Place; s3: S3TestServer }>({
  place: async ({ task: _task }, use) => {
    const place = await newPlace();
    await use(place);
    await place.clear();
  },
  s3: async ({ task: _task }, use) => {
    const server = await startS3Server();
    await use(server);
    await server.close();
  },
});

function configure(place: Place, log: Record<string, string>): void {
  writeFileSync(join(place.directory, 'pelorus.config.yaml'), JSON.stringify({ log }));
}

/** Its task outlives the server however long that takes to start again. */
function workflow(place: Place, name: string, run: string): string {
  const file = join(place.directory, `${name}.yaml`);
  writeFileSync(file, JSON.stringify({ name, project: 'p', tasks: { t: { run, executionLease: '1h' } } }));
  return file;
}

/** Names of logs that the worker still has. */
function spooled(place: Place): string[] {
  const spool = join(place.data, 'worker', 'spool');
  return existsSync(spool)
    ? readdirSync(spool, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.log'))
    : [];
}

const numbers = (count: number): string => Array.from({ length: count }, (_, n) => `${n + 1}\n`).join('');

describe.concurrent('logs that are shipped', () => {
  inPlace(
    'to the database, a folder elsewhere or an object store are read from there, and the worker keeps none',
    async ({ place, s3 }) => {
      const place3 = `s3://${s3.bucket}/pelorus?endpoint=${s3.endpoint}&region=test-region-1`;
      const stores = [
        { store: 'database' },
        { store: 'dir:kept/logs' },
        { store: place3, s3Key: s3.accessKeyId, s3Secret: s3.secretAccessKey },
      ];
      const file = workflow(place, 'count', 'seq 1 20000');
      for (const [index, log] of stores.entries()) {
        configure(place, log);
        const server = await place.dev('--no-samples');
        const run = (await place.pelorus('run', file, '--wait', '-o', 'name')).stdout.trim();
        expect((await place.pelorus('logs', run, 't', '-f')).stdout).toBe(numbers(20_000));
        expect((await place.pelorus('logs', run, 't')).stdout).toBe(numbers(20_000));
        expect((await place.pelorus('logs', run, 't', '--tail', '2')).stdout).toBe('19999\n20000\n');
        await until(
          () => spooled(place).length === 0,
          () => `left: ${spooled(place).join()}`,
        );
        expect(existsSync(join(place.data, 'logs', run))).toBe(false);
        if (index === 1)
          expect(readFileSync(join(place.directory, 'kept', 'logs', run, `${run}.0.1.log`), 'utf8')).toBe(
            numbers(20_000),
          );
        server.signal('SIGINT');
        expect(await server.ended).toBe(0);
      }
      expect(s3.objects().map(([key]) => key.replace(/\/.*\//, '/…/'))).toContainEqual(
        expect.stringMatching(/^pelorus\/…\/e/),
      );
    },
  );

  inPlace('are whole though the server is killed while the task writes, and followed through it', async ({ place }) => {
    configure(place, { store: 'database' });
    const gate = join(place.directory, 'gate');
    const file = workflow(
      place,
      'long',
      `i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; [ $((i % 20)) = 0 ] && sleep 0.05; done; until [ -e ${gate} ]; do sleep 0.05; done; echo end`,
    );
    const [port] = await freePorts(1);
    const dev = (): Promise<DevProcess> => place.dev('--no-samples', '--port', String(port));
    let server = await dev();
    const run = (await place.pelorus('run', file, '-o', 'name')).stdout.trim();
    const following = place.interruptible('logs', run, 't', '-f');
    for (let kill = 1; kill <= 3; kill += 1) {
      const wanted = kill * 400;
      await until(
        () => following.stdout().split('\n').length > wanted,
        () => following.stderr(),
      );
      server.signal('SIGKILL');
      await server.ended;
      server = await dev();
    }
    await until(
      () => following.stdout().includes('\n2000\n'),
      () => following.stdout().slice(-200),
    );
    writeFileSync(gate, '');
    expect(await following.ended).toBe(0);
    expect(following.stdout()).toBe(`${numbers(2_000)}end\n`);
    expect((await place.pelorus('logs', run, 't')).stdout).toBe(`${numbers(2_000)}end\n`);
  });

  inPlace('wait on the worker while the log store is away, and runs do not wait for them', async ({ place, s3 }) => {
    configure(place, {
      store: `s3://${s3.bucket}/x?endpoint=${s3.endpoint}&region=test-region-1`,
      s3Key: s3.accessKeyId,
      s3Secret: s3.secretAccessKey,
    });
    s3.trouble(503, 1_000_000);
    await place.dev('--no-samples');
    const file = workflow(place, 'say', 'echo said while nobody listened');
    const run = (await place.pelorus('run', file, '--wait', '-o', 'name')).stdout.trim();
    expect(spooled(place)).toHaveLength(1);
    const refused = await place.pelorus('logs', run, 't');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('the object store at');
    const followed = [[], ['--tail', '1'], ['--grep', 'nobody']].map((more) =>
      place.pelorus('logs', run, 't', '-f', ...more),
    );
    s3.trouble(503, 0);
    for (const { stdout, stderr } of await Promise.all(followed))
      expect({ stdout, stderr }).toEqual({ stdout: 'said while nobody listened\n', stderr: '' });
    await until(
      () => spooled(place).length === 0,
      () => `left: ${spooled(place).join()}`,
    );
    expect((await place.pelorus('logs', run, 't')).stdout).toBe('said while nobody listened\n');
  });
});

test('a log store that cannot be is told at the start', async () => {
  const place = await newPlace();
  for (const [log, said] of [
    [{ store: 's3://b' }, 'the bucket is missing'],
    [{ store: 's3://bucket/x' }, 'has no keys'],
    [{ store: 'nfs:/x' }, 'must be dir:<folder>'],
    [{ retention: '1h' }, '24h at least'],
  ] as const) {
    configure(place, log);
    const { code, stderr } = await place.pelorus('dev', '--port', '0');
    expect(stderr).toContain(said);
    expect(code).toBe(2);
  }
  await place.clear();
});
