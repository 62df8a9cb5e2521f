/**
 * A pool process: runs script, http and sql attempts, one at a time, for the supervisor that started it. It owns nothing
 * that outlives a call.
 *
 * - User code writes wherever it likes: the channel is a descriptor of its own, `console` and `process.stdout` lead to
 *   the log of the call they are used in, and what still reaches descriptors 1 and 2 is moved there when the call ends.
 * - What a call leaves behind (timers, sockets, a late error) never counts against the next: the process retires instead.
 * - TERM aborts the call and ends the process. When the supervisor dies the process finishes its call, leaves the
 *   result in a file and ends; what a supervisor had not noted when it died is left there as well.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { fstatSync, ftruncateSync, readSync, openSync, closeSync, renameSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { format } from 'node:util';
import type { AttemptId } from '@pelorus/protocol';
import { openLineChannel } from '../line-channel.ts';
import { outputsFromObject, settleOutputs } from '../outputs.ts';
import { CallContext } from './call-context.ts';
import { connectionProblem } from './connection-problem.ts';
import {
  POOL_CHANNEL_FD,
  type Call,
  type CallOutcome,
  type CancelHandle,
  type PoolToSupervisor,
  type SupervisorToPool,
} from './messages.ts';
import { TASK_OOM_SCORE } from '../oom-score.ts';
import { runScript, scriptsWearOut } from './script-task.ts';
import { maskCause, maskOutputs, passwordsIn } from '../secrets/known-secrets.ts';
import { Mask } from '../secrets/mask.ts';
import { missingSecrets } from '../secrets/placeholders.ts';
import { causeOfError, describeError, invalidTask, TaskFailure } from './task-failure.ts';

// For this program's own files only; scripts and what they start need not know.
delete process.env['NODE_COMPILE_CACHE'];
const current = new AsyncLocalStorage<CallContext>();
const exitProcess = process.exit.bind(process);
let call: CallContext | null = null;
/** The end that was told last, until the supervisor has noted it. */
let told: { call: Call; outcome: CallOutcome } | null = null;
let orphaned = false;
let retiring = false;
let terminated = false;
const handleWaiters = new Map<AttemptId, () => void>();

const socket = new Socket({ fd: POOL_CHANNEL_FD, readable: true, writable: true });
const channel = openLineChannel<PoolToSupervisor, SupervisorToPool>(
  socket,
  (messages) => messages.forEach(onMessage),
  () => {
    orphaned = true;
    if (told) leaveResult(told.call, told.outcome);
    if (!call) exitProcess(0);
  },
);

routeOutput();
goFirstWhenMemoryRunsOut();
process.on('SIGTERM', () => {
  retiring = true;
  terminated = true;
  if (call) call.abort();
  else exitProcess(0);
});
process.on('uncaughtException', onStrayError);
process.on('unhandledRejection', onStrayError);
process.title = 'pelorus-pool';
const remainsAtStart = countRemains();
channel.send({ kind: 'ready' });

function onMessage(message: SupervisorToPool): void {
  switch (message.kind) {
    case 'call':
      return void serve(message.call);
    case 'noted':
      told = null;
      if (retiring && !call) endSoon();
      return;
    case 'handle-stored':
      return handleWaiters.get(message.attempt)?.();
    case 'cancel':
      void import('./sql-task.ts')
        .then(({ cancelStatement }) => cancelStatement(message.handle, message.limitMs))
        .then(
          () => null,
          (error: unknown) => cancelProblem(error, message.handle),
        )
        .then((problem) => channel.send({ kind: 'cancelled', id: message.id, problem }));
      return;
    case 'probe':
      void import('./probe.ts')
        .then(({ probeConnection }) => probeConnection(message.connection, message.timeoutMs))
        .then((result) => channel.send({ kind: 'probed', result }));
      return;
  }
}

function cancelProblem(error: unknown, handle: CancelHandle): string {
  const problem = connectionProblem(error, handle);
  return Mask.of(passwordsIn(handle.url))?.text(problem) ?? problem;
}

async function serve(asked: Call): Promise<void> {
  const context = new CallContext(
    asked,
    (handle) =>
      new Promise((stored) => {
        handleWaiters.set(asked.spec.attempt, stored);
        channel.send({ kind: 'handle', attempt: asked.spec.attempt, handle });
      }),
  );
  call = context;
  const outcome = await current.run(context, () => perform(context));
  if (context.open) conclude(context, outcome);
}

async function perform(context: CallContext): Promise<CallOutcome> {
  try {
    const missing = missingSecrets(context.call.spec);
    if (missing !== null) throw invalidTask(missing);
    context.placeFiles();
    const raw = await runAction(context);
    const { outputs, outputsTruncated, problem } = settleOutputs(
      outputsFromObject(raw),
      context.spec.outputs,
      context.call.limits.outputsBytes,
      (text) => context.showable(text),
    );
    return { cause: problem === null ? null : { kind: 'invalid', detail: problem }, outputs, outputsTruncated };
  } catch (error) {
    logError(context, error);
    return { cause: causeOfError(error), outputs: {}, outputsTruncated: false };
  }
}

async function runAction(context: CallContext): Promise<Record<string, unknown>> {
  const { action } = context.spec;
  switch (action.type) {
    case 'script':
      return runScript(context, action);
    case 'http':
      return (await import('./http-task.ts')).runHttp(context, action);
    case 'sql':
      return (await import('./sql-task.ts')).runSql(context, action);
    default:
      throw new TaskFailure({ kind: 'invalid', detail: `a ${action.type} task is not a call` }, 'not a call');
  }
}

function conclude(context: CallContext, ended: CallOutcome): void {
  const outcome = context.mask ? maskOutcome(ended, context.mask) : ended;
  context.open = false;
  const { attempt } = context.spec;
  handleWaiters.delete(attempt);
  collectStrayOutput(context);
  context.log.close();
  call = null;
  retiring ||= context.spec.action.type === 'script' && (scriptsWearOut() || countRemains() > remainsAtStart);
  if (orphaned) {
    leaveResult(context.call, outcome);
    return endSoon();
  }
  told = { call: context.call, outcome };
  channel.send({ kind: 'done', attempt, outcome, retire: retiring, madeDirectory: context.madeDirectory });
  // Of a call that is being killed nobody notes how it would have ended.
  if (terminated) endSoon();
}

function maskOutcome({ cause, outputs, outputsTruncated }: CallOutcome, mask: Mask): CallOutcome {
  return { cause: cause && maskCause(cause, mask), outputs: maskOutputs(outputs, mask), outputsTruncated };
}

/** What goes on after a call that should be over. Sockets do not count: fetch keeps them for the next request. */
function countRemains(): number {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => /^(Timeout|Process|Worker|MessagePort|FSEvent|StatWatcher|TCPServer|PipeServer|UDP)/.test(kind))
    .length;
}

/** Written under another name first, so that whoever finds it finds it whole. */
function leaveResult({ resultPath }: Call, outcome: CallOutcome): void {
  writeFileSync(`${resultPath}.new`, JSON.stringify(outcome), { mode: 0o600 });
  renameSync(`${resultPath}.new`, resultPath);
}

function endSoon(): void {
  queueMicrotask(() => {
    channel.end();
    if (orphaned || socket.destroyed) exitProcess(0);
    socket.end(() => exitProcess(0));
  });
}

/** An error that nobody caught: of the running call, which it ends, or left behind by an earlier one, which it only marks. */
function onStrayError(error: unknown): void {
  const origin = current.getStore();
  if (origin) logError(origin, error);
  retiring = true;
  if (call && (origin === call || !origin)) {
    return conclude(call, { cause: causeOfError(error), outputs: {}, outputsTruncated: false });
  }
  origin?.log.close();
  if (!call) exitProcess(1);
}

function logError({ log, spec }: CallContext, error: unknown): void {
  const known = error instanceof TaskFailure || spec.action.type !== 'script';
  log.line(known || !(error instanceof Error) ? describeError(error) : format(error));
}

function goFirstWhenMemoryRunsOut(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', String(TASK_OOM_SCORE));
  } catch {
    // Not Linux, or the host has set a higher one already.
  }
}

/** Leads everything that code prints to the log of its call. */
function routeOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    stream.write = (chunk: string | Uint8Array, encodingOrDone?: BufferEncoding | (() => void), done?: () => void) => {
      const encoding = typeof encodingOrDone === 'string' ? encodingOrDone : 'utf8';
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
      const store = current.getStore();
      if (!store?.open) return write(bytes, done);
      store.log.write(Buffer.from(bytes).toString('utf8'));
      const callback = typeof encodingOrDone === 'function' ? encodingOrDone : done;
      if (callback) process.nextTick(callback);
      return true;
    };
  }
  process.exit = ((code?: number) => {
    const store = current.getStore();
    // A call that is over has no say in when the process of others ends.
    if (store && !store.open) return undefined;
    store?.log.close();
    return exitProcess(code);
  }) as typeof process.exit;
}

/** Descriptor 1 and 2 are a file of this process; what native code or child processes wrote there belongs to this call. */
function collectStrayOutput(context: CallContext): void {
  try {
    const { size } = fstatSync(1);
    if (size === 0) return;
    const file = openSync('/dev/fd/1', 'r');
    const buffer = Buffer.alloc(Math.min(size, 16 * 1024 * 1024));
    const length = readSync(file, buffer, 0, buffer.length, 0);
    closeSync(file);
    ftruncateSync(1, 0);
    context.log.write(buffer.toString('utf8', 0, length));
  } catch {
    // Not a file: the supervisor was told to use something else.
  }
}
