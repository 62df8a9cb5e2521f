/** The contract's areas of runs on a real PostgreSQL server of the test's own. */
import { afterAll, describe } from 'vitest';
import { startServer } from '../../../worker/test/database-servers.ts';
import { runAreasContract } from './contract-of-areas.ts';
import { makePostgresPlace } from './postgres-place.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

describe.skipIf(server === null)('PostgreSQL', () =>
  runAreasContract('postgres', () => makePostgresPlace(server!.url), { histories: 5 }),
);
