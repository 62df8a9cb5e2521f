/** One master of the benchmark of schedules, as a process that can be killed: `schedule-master.ts <database url>`. */
import { startMaster } from '@pelorus/server/master';
import { openPostgresStore } from '@pelorus/server/store';

const store = await openPostgresStore({ url: process.argv[2]! });
const log = { info() {}, warn() {}, error: (fields: object, message: string) => console.error(message, fields) };
const master = await startMaster({ store, log });
process.send?.('ready');
process.once('SIGTERM', () => {
  void master
    .stop()
    .then(() => store.close())
    .then(() => process.exit(0));
});
