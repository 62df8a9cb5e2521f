/**
 * The messages of `wire.ts` as schemas: what comes over a network is read through them, and they are published as JSON
 * Schema, so that a worker can be written in any language. A schema that differs from its type does not compile. Members that a newer peer added are
 * passed over, for masters and workers of neighbouring versions talk to each other.
 */
import { z } from 'zod';
import type { AttemptId, MasterId, WorkerId } from './ids.ts';
import { LOG_GAP_REASONS } from './log-gaps.ts';
import { RUN_STATES, type Cause } from './states.ts';
import { WORKER_SUBPROTOCOL } from './socket-link.ts';
import { versionProblem, WIRE_VERSION } from './wire.ts';
import type { AttemptOutcome, AttemptReport, AttemptSpec, MasterToWorker, WorkerLoad, WorkerToMaster } from './wire.ts';
import type { TaskAction } from './workflow.ts';

/** True when the two are the same type, member by member, `?` and `| undefined` told apart. */
type Same<Left, Right> =
  (<Any>() => Any extends Left ? 1 : 2) extends <Any>() => Any extends Right ? 1 : 2 ? true : false;

function schemaOf<Type>() {
  return <Schema extends z.ZodType>(
    name: string,
    schema: Schema &
      (Same<z.output<Schema>, Type> extends true ? unknown : { 'the schema differs from its type': Type }),
  ): Schema => schema.meta({ id: name });
}

const attemptId = z
  .string()
  .regex(/^[1-9]\d{0,15}\.(?:0|[1-9]\d{0,6})\.[1-9]\d{0,6}$/)
  .meta({ id: 'AttemptId', description: '<run>.<task index>.<n>' }) as unknown as z.ZodType<AttemptId, string>;
const masterId = z.string().min(1).max(100) as unknown as z.ZodType<MasterId, string>;
const workerId = z.string().min(1).max(100) as unknown as z.ZodType<WorkerId, string>;
const texts = z.array(z.string());
const textMap = z.record(z.string(), z.string());
const sequence = z.int().min(0);
const instant = z.number();
const source = { run: z.string().nullable(), file: z.string().nullable() };
const substitution = z.enum(['env', 'text']);

const cause = schemaOf<Cause>()(
  'Cause',
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('exit'), code: z.number() }),
    z.object({ kind: z.literal('signal'), name: z.string() }),
    z.object({ kind: z.literal('oom') }),
    z.object({ kind: z.literal('timeout'), afterMs: z.number() }),
    z.object({ kind: z.literal('killed_by'), user: z.string() }),
    z.object({ kind: z.literal('kill_unconfirmed'), detail: z.string() }),
    z.object({ kind: z.literal('fail_fast'), task: z.string() }),
    z.object({ kind: z.literal('upstream'), task: z.string() }),
    z.object({ kind: z.literal('worker_lost'), worker: z.string() }),
    z.object({ kind: z.literal('dispatch_timeout'), afterMs: z.number() }),
    z.object({ kind: z.literal('invalid'), detail: z.string() }),
    z.object({ kind: z.literal('error'), detail: z.string() }),
    z.object({ kind: z.literal('branch'), task: z.string() }),
    z.object({ kind: z.literal('chose'), taken: texts, untaken: texts }),
    z.object({ kind: z.literal('child'), runId: z.number(), state: z.enum(RUN_STATES) }),
    z.object({ kind: z.literal('dependency'), detail: z.string() }),
    z.object({ kind: z.literal('not_selected') }),
    z.object({ kind: z.literal('disabled') }),
    z.object({ kind: z.literal('reused'), runId: z.number() }),
    z.object({ kind: z.literal('forced_by'), user: z.string() }),
    z.object({ kind: z.literal('discarded'), runId: z.number() }),
    z.object({ kind: z.literal('superseded'), runId: z.number() }),
    z.object({ kind: z.literal('not_triggered') }),
    z.object({ kind: z.literal('no_capacity'), detail: z.string() }),
  ]),
);

type WorkerAction = Extract<TaskAction, { type: 'shell' | 'python' | 'script' | 'http' | 'sql' }>;

/** Of the types that reach a worker; the others are settled by the master. */
const action = schemaOf<WorkerAction>()(
  'TaskAction',
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('shell'), ...source, shell: z.string(), substitution }),
    z.object({ type: z.literal('python'), ...source, interpreter: z.string(), substitution }),
    z.object({ type: z.literal('script'), ...source }),
    z.object({
      type: z.literal('http'),
      method: z.string(),
      url: z.string(),
      headers: textMap,
      body: z.unknown(),
      expect: z.object({ status: z.array(z.number()), body: z.string().nullable() }),
      extract: textMap,
    }),
    z.object({
      type: z.literal('sql'),
      connection: z.string(),
      ...source,
      preStatements: texts,
      postStatements: texts,
      maxRows: z.number(),
      raw: z.record(z.string(), texts),
    }),
  ]),
) as unknown as z.ZodType<TaskAction>;

const connection = z.object({ kind: z.enum(['sqlite', 'postgres', 'mysql']), url: z.string() });

const attemptSpec = schemaOf<AttemptSpec>()(
  'AttemptSpec',
  z.object({
    attempt: attemptId,
    project: z.string(),
    workflow: z.string(),
    task: z.string(),
    logicalDate: z.string(),
    action,
    params: textMap,
    environment: textMap.exactOptional(),
    env: textMap,
    files: z.array(z.object({ name: z.string(), sha256: z.string(), base64: z.string() })),
    connection: connection.nullable(),
    secrets: textMap.exactOptional(),
    outputs: z.record(z.string(), z.object({ type: z.string() })),
    killGraceMs: z.number(),
    executionLeaseMs: z.number(),
  }),
);

const outcome = schemaOf<AttemptOutcome>()(
  'AttemptOutcome',
  z.object({
    state: z.enum(['succeeded', 'failed', 'killed']),
    cause: cause.nullable(),
    outputs: textMap,
    outputsTruncated: z.boolean(),
    startedAt: instant,
    endedAt: instant,
  }),
);

const load = schemaOf<WorkerLoad>()(
  'WorkerLoad',
  z.object({
    slots: z.number(),
    usedSlots: z.number(),
    loadAverage: z.number(),
    cpuCount: z.number(),
    freeMemoryBytes: z.number(),
    totalMemoryBytes: z.number(),
    busy: z.boolean(),
    draining: z.boolean(),
  }),
);

const report = schemaOf<AttemptReport>()(
  'AttemptReport',
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('accepted'), attempt: attemptId, sequence }),
    z.object({ kind: z.literal('running'), attempt: attemptId, sequence, startedAt: instant }),
    z.object({ kind: z.literal('finished'), attempt: attemptId, sequence, outcome }),
    z.object({ kind: z.literal('no_capacity'), attempt: attemptId, sequence, reason: z.string() }),
    z.object({ kind: z.literal('tombstoned'), attempt: attemptId, sequence }),
    z.object({ kind: z.literal('lost'), attempt: attemptId, sequence, detail: z.string() }),
    z.object({ kind: z.literal('never_seen'), attempt: attemptId, sequence }),
  ]),
);

/** What a master says to a worker. */
export const masterToWorker = schemaOf<MasterToWorker>()(
  'MasterToWorker',
  z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('welcome'), master: masterId, version: z.number(), leaseMs: z.number() }),
    z.object({ kind: z.literal('lease'), sentAt: instant, leaseMs: z.number(), accepting: z.boolean() }),
    z.object({ kind: z.literal('dispatch'), spec: attemptSpec }),
    z.object({ kind: z.literal('kill'), attempt: attemptId, graceMs: z.number(), cause }),
    z.object({ kind: z.literal('ack'), attempt: attemptId, sequence, verdict: z.enum(['stored', 'unknown']) }),
    z.object({ kind: z.literal('query'), attempts: z.array(attemptId) }),
    z.object({ kind: z.literal('probe'), id: z.string(), connection, timeoutMs: z.number() }),
    z.object({
      kind: z.literal('log-ack'),
      attempt: attemptId,
      offset: z.number().nullable(),
      ended: z.boolean(),
      retryAfterMs: z.number(),
    }),
  ]),
);

/** What a worker says to a master. */
export const workerToMaster = schemaOf<WorkerToMaster>()(
  'WorkerToMaster',
  z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('hello'),
      worker: workerId,
      name: z.string().min(1).max(255),
      host: z.string().max(255),
      version: z.number(),
      features: texts,
      groups: texts,
      load,
      attempts: z.array(attemptId),
      supersedes: z.array(workerId),
    }),
    z.object({ kind: z.literal('heartbeat'), worker: workerId, sentAt: instant, load, attempts: z.array(attemptId) }),
    z.object({ kind: z.literal('report'), worker: workerId, report }),
    z.object({
      kind: z.literal('probe-result'),
      worker: workerId,
      id: z.string(),
      ok: z.boolean(),
      detail: z.string(),
      tookMs: z.number(),
    }),
    z.object({
      kind: z.literal('log'),
      worker: workerId,
      attempt: attemptId,
      offset: z.int().min(0),
      base64: z.string(),
      gap: z.object({ to: z.int().min(0), reason: z.enum(LOG_GAP_REASONS) }).exactOptional(),
      end: z.literal(true).exactOptional(),
    }),
    z.object({ kind: z.literal('goodbye'), worker: workerId }),
  ]),
);

/**
 * Both directions as one JSON Schema document (draft 2020-12), for workers in other languages: `#/$defs/MasterFrame` and
 * `#/$defs/WorkerFrame` are the frames of each side, and everything in them has a name there too.
 */
export function wireJsonSchema(): { $defs: Record<string, object> } & Record<string, unknown> {
  const master = published(masterToWorker);
  const worker = published(workerToMaster);
  const frameOf = (name: string): object => ({ type: 'array', items: { $ref: `#/$defs/${name}` } });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Pelorus: what masters and workers say to each other',
    version: WIRE_VERSION,
    subprotocol: WORKER_SUBPROTOCOL,
    $defs: {
      MasterFrame: frameOf('MasterToWorker'),
      WorkerFrame: frameOf('WorkerToMaster'),
      MasterToWorker: master.root,
      WorkerToMaster: worker.root,
      ...master.named,
      ...worker.named,
    },
  };
}

function published(schema: z.ZodType): { root: object; named: object } {
  const { $defs, $schema: _, id: _name, ...root } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return { root, named: $defs ?? {} };
}

/** What could be read of a frame, and what was wrong with the messages that were passed over. */
export interface ReadFrame<Message> {
  messages: Message[];
  refused: string[];
}

/**
 * A frame of a master's. Kinds that this program does not know are passed over (a newer peer may say more), and so are messages
 * that are not as the schemas say: one that cannot be read must not delay the others. Throws when the other side does not speak
 * this protocol: no array of messages, or a greeting that cannot be read or is of a version too far away.
 */
export function readMasterFrame(frame: unknown): ReadFrame<MasterToWorker> {
  return readFrame(masterToWorker, MASTER_KINDS, frame);
}

/** A frame of a worker's; as {@link readMasterFrame}. */
export function readWorkerFrame(frame: unknown): ReadFrame<WorkerToMaster> {
  return readFrame(workerToMaster, WORKER_KINDS, frame);
}

const MASTER_KINDS: ReadonlySet<string> = new Set(masterToWorker.options.map((option) => option.shape.kind.value));
const WORKER_KINDS: ReadonlySet<string> = new Set(workerToMaster.options.map((option) => option.shape.kind.value));
const GREETINGS: ReadonlySet<string> = new Set(['hello', 'welcome'] satisfies (
  | WorkerToMaster['kind']
  | MasterToWorker['kind']
)[]);

function readFrame<Message extends { kind: string; version?: number }>(
  schema: z.ZodType<Message>,
  known: ReadonlySet<string>,
  frame: unknown,
): ReadFrame<Message> {
  if (!Array.isArray(frame)) throw new Error('a frame must be an array of messages');
  const messages: Message[] = [];
  const refused: string[] = [];
  for (const [index, message] of frame.entries()) {
    const kind = (message as { kind?: unknown } | null)?.kind;
    if (typeof kind !== 'string') throw new Error(`message ${index} has no kind`);
    if (!known.has(kind)) continue;
    const isGreeting = GREETINGS.has(kind);
    // Before anything else of it is read: another version may have another greeting.
    const foreign = isGreeting ? versionProblem((message as { version?: unknown }).version) : null;
    if (foreign !== null) throw new Error(foreign);
    const read = schema.safeParse(message);
    if (read.success) {
      messages.push(read.data);
      continue;
    }
    const { path, message: what } = read.error.issues[0]!;
    const problem = `message ${index} (${kind}), ${path.join('.') || 'as a whole'}: ${what}`;
    if (isGreeting) throw new Error(problem);
    refused.push(problem);
  }
  return { messages, refused };
}
