/** The contract on a real PostgreSQL server of the test's own. */
import { afterAll, describe, test } from 'vitest';
import { startServer } from '../../../worker/test/database-servers.ts';
import { storeContract } from './contract.ts';
import { makePostgresPlace } from './postgres-place.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

if (server === null)
  describe('store: postgres', () => test.skip('there is no PostgreSQL on this machine', () => undefined));
else storeContract('postgres', () => makePostgresPlace(server.url));
