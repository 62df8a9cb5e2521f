/** The contract's areas beside runs on a real PostgreSQL server of the test's own. */
import { afterAll, describe } from 'vitest';
import { startServer } from '../../../worker/test/database-servers.ts';
import { otherAreasContract } from './contract-of-areas.ts';
import { makePostgresPlace } from './postgres-place.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

describe.skipIf(server === null)('PostgreSQL', () =>
  otherAreasContract('postgres', () => makePostgresPlace(server!.url)),
);
