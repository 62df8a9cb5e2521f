/** The thread that reads. Each message is a batch of calls, answered in order, together unless one takes its time. */
import { parentPort, workerData } from 'node:worker_threads';
import { runAtOnce } from './database.ts';
import type { Sql } from './database.ts';
import { READER_PRAGMAS } from './dialect.ts';
import { readVerbs } from './read-verbs.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { toFailure } from './thread-channel.ts';
import type { Replies, Requests } from './thread-channel.ts';

/** Answers do not wait longer than this for a slower call of the same batch. */
const HOLD_BACK_MS = 1;

const port = parentPort!;
const { file } = workerData as { file: string };
let db: SqliteDatabase | null = null;

/** On the first call: the writer may still be making the database when this thread starts. */
function open(): SqliteDatabase {
  const opened = new SqliteDatabase(file, { readOnly: true });
  opened.exec(READER_PRAGMAS);
  return opened;
}

port.on('message', (requests: Requests | null) => {
  if (requests === null) {
    db?.close();
    port.close();
    return;
  }
  let replies: Replies = [];
  let since = performance.now();
  for (let i = 0; i < requests.length; i += 3) {
    try {
      db ??= open();
      const verb = readVerbs[requests[i + 1] as keyof typeof readVerbs] as unknown as (
        db: SqliteDatabase,
        request: unknown,
      ) => Sql<unknown>;
      replies.push(requests[i], false, runAtOnce(verb(db, requests[i + 2])));
    } catch (error) {
      replies.push(requests[i], true, toFailure(error));
    }
    if (performance.now() - since < HOLD_BACK_MS && i + 3 < requests.length) continue;
    port.postMessage(replies);
    replies = [];
    since = performance.now();
  }
});
