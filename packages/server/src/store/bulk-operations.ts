/**
 * Operations on many runs at once: rows that outlive the process that took them.
 *
 * Invariants
 * 1. An item is settled once, by the holder of the operation's lease; one that lost the lease writes nothing.
 * 2. `pending + done + refused = items`; the operation ends in the transaction that settles its last item.
 */
import { commandIdOf, runIdOf, type RunState } from '@pelorus/protocol/vocabulary';
import type { CommandOutcome } from '@pelorus/engine';
import type {
  BulkAction,
  BulkItem,
  BulkOperation,
  FoundSubmission,
  BulkSender,
  NewBulkOperation,
  RequestKey,
  RunHead,
  SettledBulkItem,
} from './operations-port.ts';
import { StoreError } from './port.ts';
import { IDEMPOTENCY_MS, madeUnderKey, rememberKey } from './request-keys.ts';
import { insertedId } from './run-rows.ts';
import type { Cell } from './rows.ts';
import type { Database, Row, Sql } from './database.ts';
import type { WriteContext } from './write-context.ts';
import type { Dialect } from './dialect.ts';

const OPERATION = 'bulk operation';
const INSERT = `
  insert into bulk_operation (action, submit_user, sender, state, items, pending, done, refused, created_at, ended_at)
  values (?, ?, ?, ?, ?, ?, 0, ?, ?, ?) returning id`;
const INSERT_ITEM = `
  insert into bulk_item (operation_id, position, run_id, project_id, state, code, message, at) values (?, ?, ?, ?, ?, ?, ?, ?)`;

export function* createBulkOperation(
  c: WriteContext,
  request: { operation: NewBulkOperation; key: RequestKey },
): Sql<{ operation: BulkOperation; repeated: boolean }> {
  const { action, user, at, items } = request.operation;
  const keyed = { user, key: request.key, operation: OPERATION, at };
  const earlier = yield* madeUnderKey(c, keyed);
  if (earlier !== null) return { operation: yield* requireOperation(c.db, earlier), repeated: true };
  const refused = items.filter((item) => item.code !== null).length;
  const pending = items.length - refused;
  const state: BulkOperation['state'] = pending === 0 ? 'ended' : 'pending';
  const id = insertedId(
    yield* c.db.get(
      INSERT,
      JSON.stringify(action),
      user,
      JSON.stringify(request.operation.sender),
      state,
      items.length,
      pending,
      refused,
      at,
      state === 'ended' ? at : null,
    ),
  );
  for (const [position, { run, projectId, code, message }] of items.entries())
    yield* c.db.run(
      INSERT_ITEM,
      id,
      position,
      run,
      projectId,
      code === null ? 'pending' : 'refused',
      code,
      message,
      code === null ? null : at,
    );
  yield* rememberKey(c, keyed, id);
  return { operation: yield* requireOperation(c.db, id), repeated: false };
}

const BY_ID = `select * from bulk_operation where id = ?`;

export function* getBulkOperation(db: Database, id: number): Sql<BulkOperation | null> {
  const row = yield* db.get(BY_ID, id);
  return row ? toOperation(row) : null;
}

function* requireOperation(db: Database, id: number): Sql<BulkOperation> {
  const found = yield* getBulkOperation(db, id);
  if (found === null) throw new StoreError('NOT_FOUND', `There is no bulk operation ${id}.`);
  return found;
}

const LIST = `select * from bulk_operation where id < ? order by id desc limit ?`;
const LIST_OF_USER = `select * from bulk_operation where submit_user = ? and id < ? order by id desc limit ?`;

export function* listBulkOperations(
  db: Database,
  filter: { user: string | null; before?: number; limit: number },
): Sql<BulkOperation[]> {
  const before = filter.before ?? Number.MAX_SAFE_INTEGER;
  const rows =
    filter.user === null
      ? yield* db.all(LIST, before, filter.limit)
      : yield* db.all(LIST_OF_USER, filter.user, before, filter.limit);
  return rows.map(toOperation);
}

const ITEMS = `
  select i.*, c.outcome from bulk_item i left join command c on c.id = i.command_id
  where i.operation_id = ? and i.position > ?`;

export function* listBulkItems(
  db: Database,
  request: { operation: number; filter: { after?: number; state?: BulkItem['state']; limit: number } },
): Sql<BulkItem[]> {
  const { after = -1, state, limit } = request.filter;
  const values: Cell[] = state === undefined ? [] : [state];
  const sql = `${ITEMS} ${state === undefined ? '' : 'and i.state = ?'} order by i.position limit ?`;
  return (yield* db.all(sql, request.operation, after, ...values, limit)).map(toItem);
}

const CLAIMABLE = (dialect: Dialect): string => `
  select id from bulk_operation where ended_at is null and (lease_until is null or lease_until <= ? or holder = ?)
  order by id limit 1 ${dialect.skipLocked('bulk_operation')}`;
const CLAIM = `update bulk_operation set state = 'running', holder = ?, lease_until = ? where id = ?`;

export function* claimBulkOperation(
  c: WriteContext,
  request: { holder: string; at: number; leaseMs: number },
): Sql<BulkOperation | null> {
  const { holder, at, leaseMs } = request;
  const found = yield* c.db.get(CLAIMABLE, at, holder);
  if (!found) return null;
  const id = found['id'] as number;
  yield* c.db.run(CLAIM, holder, at + leaseMs, id);
  return yield* requireOperation(c.db, id);
}

const RENEW = `update bulk_operation set lease_until = ? where id = ? and holder = ? and ended_at is null`;
const SETTLE_ITEM = `
  update bulk_item set state = ?, command_id = ?, new_run_id = ?, code = ?, message = ?, at = ?
  where operation_id = ? and position = ? and state = 'pending'`;
const COUNT = `
  update bulk_operation set pending = pending - ?, done = done + ?, refused = refused + ? where id = ?`;
const END = `
  update bulk_operation set state = 'ended', ended_at = ?, holder = null, lease_until = null where id = ? and pending = 0`;

export function* settleBulkItems(
  c: WriteContext,
  request: {
    operation: number;
    holder: string;
    settled: { items: SettledBulkItem[]; at: number; leaseMs: number };
  },
): Sql<boolean> {
  const { operation, holder } = request;
  const { items, at, leaseMs } = request.settled;
  if ((yield* c.db.run(RENEW, at + leaseMs, operation, holder)) === 0) return false;
  const counts = { done: 0, refused: 0 };
  for (const { position, state, command, newRun, code, message } of items)
    counts[state] += yield* c.db.run(SETTLE_ITEM, state, command, newRun, code, message, at, operation, position);
  yield* c.db.run(COUNT, counts.done + counts.refused, counts.done, counts.refused, operation);
  yield* c.db.run(END, at, operation);
  return true;
}

function toOperation(row: Row): BulkOperation {
  return {
    id: row['id'] as number,
    action: JSON.parse(row['action'] as string) as BulkAction,
    submitUser: row['submit_user'] as string,
    sender: JSON.parse(row['sender'] as string) as BulkSender,
    state: row['state'] as BulkOperation['state'],
    items: row['items'] as number,
    pending: row['pending'] as number,
    done: row['done'] as number,
    refused: row['refused'] as number,
    createdAt: row['created_at'] as number,
    endedAt: row['ended_at'] as number | null,
  };
}

function toItem(row: Row): BulkItem {
  const outcome = row['outcome'] as string | null;
  const newRun = row['new_run_id'] as number | null;
  return {
    position: row['position'] as number,
    run: runIdOf(row['run_id'] as number),
    projectId: row['project_id'] as number | null,
    state: row['state'] as BulkItem['state'],
    command: row['command_id'] as number | null,
    commandOutcome: outcome === null ? null : (JSON.parse(outcome) as CommandOutcome),
    newRun: newRun === null ? null : runIdOf(newRun),
    code: row['code'] as string | null,
    message: row['message'] as string | null,
    at: row['at'] as number | null,
  };
}

const HEADS = (dialect: Dialect): string =>
  `select id, project_id, project, workflow, state from run where ${dialect.isAmong('id')}`;

export function* listRunHeads(db: Database, runs: number[]): Sql<RunHead[]> {
  const found = new Map(
    (yield* db.all(HEADS, JSON.stringify(runs))).map((row): [number, RunHead] => [
      row['id'] as number,
      {
        run: runIdOf(row['id'] as number),
        projectId: row['project_id'] as number,
        project: row['project'] as string,
        workflow: row['workflow'] as string,
        state: row['state'] as RunState,
      },
    ]),
  );
  return runs.flatMap((run) => found.get(run) ?? []);
}

const SUBMISSION = `select id, run_id, request_hash, at from command where user_name = ? and idempotency_key = ?`;

export function* findSubmission(
  db: Database,
  request: { user: string; key: RequestKey; at: number },
): Sql<FoundSubmission | null> {
  const { user, key, at } = request;
  const row = key.idempotencyKey === null ? undefined : yield* db.get(SUBMISSION, user, key.idempotencyKey);
  if (!row || at - (row['at'] as number) >= IDEMPOTENCY_MS) return null;
  return {
    run: runIdOf(row['run_id'] as number),
    command: commandIdOf(row['id'] as number),
    same: row['request_hash'] === key.requestHash,
  };
}
