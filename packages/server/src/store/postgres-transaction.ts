/**
 * One transaction on one connection: what a verb asks is sent, what is answered goes back to it.
 *
 * Owns: the names under which connections keep statements prepared.
 * Invariants: 1. when COMMIT was sent and not answered, that is said (`committing`); 2. COMMIT is sent before the statements are
 * answered only when each of them fails unless all is as the verb wants it (`finish`); each still ends with a Sync of its own, so
 * that the server's time limit for standing still in a transaction holds for whoever has sent only half of it.
 */
import type pg from 'pg';
import { ConstraintViolation, type Answers, type Query, type Sql } from './database.ts';
import { StoreError } from './port.ts';
import { violates } from './postgres-errors.ts';

export interface Transaction {
  begin: string;
  writes: boolean;
}
export const READ: Transaction = { begin: 'begin isolation level repeatable read read only', writes: false };
export const WRITE: Transaction = { begin: 'begin', writes: true };

/** How far a transaction is; `committing`: COMMIT was sent and not answered. */
export interface Progress {
  stage: 'open' | 'committing' | 'stored' | 'undone';
}

/** Resolves with what the verb answers, once that is stored. */
export async function carryOut<T>(
  client: pg.PoolClient,
  { kind, verb, progress }: { kind: Transaction; verb: Sql<T>; progress: Progress },
): Promise<T> {
  const [begun, conversed] = inOnePacket(
    client,
    () => [client.query(kind.begin), converse(client, verb, progress)] as const,
  );
  begun.catch(() => undefined);
  const answer = await conversed;
  await begun.catch((cause: unknown) => {
    throw new StoreError('UNKNOWN_OUTCOME', 'No transaction was begun: each statement was one.', { cause });
  });
  // What was read was read, whatever becomes of the end of it.
  if (!kind.writes) client.query('commit').catch(() => undefined);
  else if (progress.stage === 'open') await commit(client, progress);
  // After a statement that failed unnoticed the server says ROLLBACK to a COMMIT.
  if (progress.stage === 'undone') throw new StoreError('UNAVAILABLE', 'The database answered ROLLBACK to a commit.');
  return answer;
}

async function converse<T>(client: pg.PoolClient, verb: Sql<T>, progress: Progress): Promise<T> {
  let step = verb.next();
  while (step.done !== true) {
    const query = step.value;
    if (progress.stage !== 'open') throw new Error(`a verb has asked something after its end: ${query.text}`);
    let answers: Answers;
    try {
      answers = await inOnePacket(client, () =>
        query.isLast ? executeLast(client, query, progress) : execute(client, query),
      );
    } catch (error) {
      step = verb.throw(error);
      continue;
    }
    step = verb.next(answers);
  }
  return step.value;
}

/** With COMMIT right behind it. Rejects when that was not answered; what else went wrong is in the answers. */
async function executeLast(client: pg.PoolClient, query: Query, progress: Progress): Promise<Answers> {
  const [answers] = await Promise.all([execute(client, query), commit(client, progress)]);
  return answers;
}

/** Several executions are sent one behind the other without waiting; the first failure is what counts. */
async function execute(client: pg.PoolClient, { text, shape, values, parts = [] }: Query): Promise<Answers> {
  if (shape === 'together') {
    const outcomes = await Promise.allSettled(parts.map((part) => execute(client, part)));
    return [{ rows: outcomes, count: 0, wrote: false }];
  }
  if (shape === 'script') {
    await client.query(text);
    return [];
  }
  const name = nameOf(text);
  const config = { text, ...(name === undefined ? {} : { name }), ...(shape === 'rows' ? { rowMode: 'array' } : {}) };
  const sent = values.map((each) => client.query({ ...config, values: each } as pg.QueryConfig));
  const settled = await Promise.allSettled(sent);
  return settled.map((outcome, position) => {
    if (outcome.status === 'fulfilled') {
      const { rows, rowCount, command } = outcome.value;
      return { rows: rows as unknown[], count: rowCount ?? 0, wrote: command !== 'SELECT' };
    }
    throw violates(outcome.reason) ? new ConstraintViolation(position, outcome.reason) : outcome.reason;
  });
}

async function commit(client: pg.PoolClient, progress: Progress): Promise<void> {
  progress.stage = 'committing';
  const { command } = await client.query('commit');
  progress.stage = command === 'COMMIT' ? 'stored' : 'undone';
}

/** False when the connection is of no use any more. */
export async function rollback(client: pg.PoolClient): Promise<boolean> {
  return client.query('rollback').then(
    () => true,
    () => false,
  );
}

/** What is sent by it at once: a packet for each statement costs the sender more than the statement. */
function inOnePacket<T>({ connection: { stream } }: pg.PoolClient, send: () => T): T {
  stream.cork();
  try {
    return send();
  } finally {
    stream.uncork();
  }
}

/** Statements kept prepared under a name; texts made on the fly beyond that are parsed each time. */
const NAMED_STATEMENTS = 400;

/** Each connection keeps statements prepared by these names; the same text has the same one everywhere. */
const names = new Map<string, string>();
let generation = 1;

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= NAMED_STATEMENTS) return known;
  const name = `pelorus_${generation}_${names.size + 1}`;
  names.set(text, name);
  return name;
}

/** A newer version has added columns: `select *` means something else than what connections keep prepared. */
export function prepareAnew(): void {
  generation++;
  names.clear();
}
