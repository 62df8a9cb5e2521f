/** The contract on a real PostgreSQL server of the test's own. */
import { afterAll, describe } from 'vitest';
import { startServer } from '../../../worker/test/database-servers.ts';
import { runsContract } from './contract.ts';
import { makePostgresPlace } from './postgres-place.ts';

const server = await startServer('postgres');
afterAll(() => server?.stop());

describe.skipIf(server === null)('PostgreSQL', () => runsContract('postgres', () => makePostgresPlace(server!.url)));
