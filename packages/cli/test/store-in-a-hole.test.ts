/** Roles that were cut from their store, which says nothing any more, are asked to end. An API once stayed. */
import { afterAll, describe, expect, test } from 'vitest';
import { startCommitProxy } from '../../server/test/store/commit-proxy.ts';
import { startServer } from '../../worker/test/database-servers.ts';
import { newCluster } from './cluster-place.ts';
import { until } from './dev-process.ts';

/** Each step has a limit of 8 s; what a busy machine adds is not what this is about. */
const END_MS = 60_000;
const server = await startServer('postgres');
afterAll(() => server?.stop());

describe.skipIf(server === null)('with a store that says nothing any more', () => {
  test('an API with requests under way, and a master, end in bounded time after SIGTERM, with code 0', async () => {
    const cluster = await newCluster(server!.url, { masters: 1 });
    const proxy = await startCommitProxy(cluster.storeUrl);
    try {
      for (const role of ['api', 'master'] as const) cluster.variables(role)['PELORUS_STORE'] = proxy.url;
      const [api, master] = await Promise.all([cluster.api(), cluster.master(0)]);
      await api.client.projects.put('cases');
      proxy.swallowAll();
      const asked = Array.from({ length: 30 }, () => api.client.projects.list().catch(() => undefined));
      await until(
        () => master.stderr().includes('failed'),
        () => `the master has not noticed:\n${master.stderr()}`,
      );
      const begunAt = performance.now();
      const tookMs = async (ended: Promise<unknown>): Promise<number> => {
        await ended;
        return performance.now() - begunAt;
      };
      const [ofApi, ofMaster] = await Promise.all([tookMs(api.kill('SIGTERM')), tookMs(master.kill('SIGTERM'))]);
      expect(ofApi, api.stderr()).toBeLessThan(END_MS);
      expect(ofMaster, master.stderr()).toBeLessThan(END_MS);
      expect([api.end(), master.end()]).toEqual([0, 0]);
      await Promise.all(asked);
    } finally {
      await proxy.close();
      await cluster.clear();
    }
  });
});
