/** What a PostgreSQL server says that takes no connection: is it worth waiting? Played by a server that says only that. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openPostgresStore } from '../../src/store/postgres-store.ts';

let server: Server;
afterEach(async () => {
  server.close();
  await once(server, 'close');
});

/** The address of a server that answers every start of a session with one error. */
async function refusing(severity: string, code: string, message: string): Promise<string> {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${message}`].map((field) => `${field}\0`).join('');
  const body = Buffer.from(`${fields}\0`);
  const head = Buffer.from('E....');
  head.writeUInt32BE(body.length + 4, 1);
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.concat([head, body])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `postgres://someone@127.0.0.1:${(server.address() as AddressInfo).port}/pelorus`;
}

test.each([
  ['its disk is full', 'XX000', 'could not write init file'],
  ['it has no room on its disk', '53100', 'could not extend file'],
  ['it starts', '57P03', 'the database system is starting up'],
  ['it has no connection left', '53300', 'sorry, too many clients already'],
])('a server that refuses because %s is unavailable', async (_, code, message) => {
  const url = await refusing('FATAL', code, message);
  await expect(openPostgresStore({ url })).rejects.toMatchObject({ name: 'StoreError', code: 'UNAVAILABLE' });
});

test.each([
  ['a wrong password', '28P01', 'password authentication failed for user "someone"'],
  ['a database that does not exist', '3D000', 'database "pelorus" does not exist'],
  ['no right to connect', '42501', 'permission denied for database "pelorus"'],
])('%s is told as it is', async (_, code, message) => {
  const url = await refusing('FATAL', code, message);
  await expect(openPostgresStore({ url })).rejects.toMatchObject({ code, message });
});
