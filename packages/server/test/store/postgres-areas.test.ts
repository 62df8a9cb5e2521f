/** The contract's areas on a real PostgreSQL server of the test's own. */
import { afterAll, describe } from 'vitest';
import { startServer } from '../../../worker/test/database-servers.ts';
import { areasContract } from './contract-of-areas.ts';
import { makePostgresPlace } from './postgres-place.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

describe.skipIf(server === null)('PostgreSQL', () => areasContract('postgres', () => makePostgresPlace(server!.url)));
