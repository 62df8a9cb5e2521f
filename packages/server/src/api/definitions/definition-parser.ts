/**
 * Parses uploads without holding up the event loop. Owns: a few threads, started when the first large upload comes,
 * and the queue in front of them.
 * Invariants: 1. a thread has one upload at a time; 2. an upload that takes too long costs its thread, never the
 * others'; 3. idle threads do not keep the process alive.
 */
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { TaskDefinition, WorkflowDefinition } from '@pelorus/protocol';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure } from '../problem.ts';
import {
  parseUpload,
  splitText,
  type ParsedUpload,
  type RefusedUpload,
  type SplitRequest,
  type Upload,
} from './parse-upload.ts';
import type { DocumentText } from './split-documents.ts';

export interface DefinitionParser {
  /** Throws the refusal (422 with every problem, 400, or 429 when too many wait already). */
  parse(upload: Upload): Promise<ParsedUpload>;
  /** The definitions of a text, in another thread when it is long. Throws 400 for what is no text, 413 for more than `most`, 429. */
  split(text: SplitRequest): Promise<DocumentText[]>;
  close(): Promise<void>;
}

/**
 * The definition comes as JSON: reading that costs a third of what copying the objects between threads does. The tasks
 * come in pieces, for the event loop to read between other requests (10,000 tasks in one piece: 50 to 90 ms).
 */
export type ThreadAnswer =
  | RefusedUpload
  | (Omit<ParsedUpload, 'definition'> & { headJson: string; taskJsons: string[] });

export type SplitAnswer = RefusedUpload | { ok: true; documents: DocumentText[] };

/** What the thread is sent. */
export type ThreadRequest = Upload | SplitRequest;

interface Job {
  request: ThreadRequest;
  resolve(answer: ThreadAnswer | SplitAnswer): void;
  reject(error: unknown): void;
}

export function createDefinitionParser(): DefinitionParser {
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const waiting: Job[] = [];

  /** The answer is of the kind that the request asks for. */
  function inThread<Answer extends ThreadAnswer | SplitAnswer>(request: ThreadRequest): Promise<Answer> {
    if (waiting.length >= API_LIMITS.parseQueueLength) throw busy();
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    waiting.push({ request, resolve: (answer) => resolve(answer as Answer), reject });
    next();
    return promise;
  }

  function next(): void {
    const thread =
      waiting.length === 0 ? undefined : (idle.pop() ?? (all.size < API_LIMITS.parseThreads ? start() : undefined));
    const job = thread === undefined ? undefined : waiting.shift();
    if (thread !== undefined && job !== undefined) run(thread, job);
  }

  function start(): Worker {
    const thread = new Worker(
      new URL(`./parse-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
    );
    all.add(thread);
    thread.once('exit', () => all.delete(thread));
    // Between jobs nobody listens otherwise, and an error nobody listens to ends the process.
    thread.on('error', () => undefined);
    return thread;
  }

  function run(thread: Worker, job: Job): void {
    thread.ref();
    const done = (settle: () => void, reusable: boolean) => {
      clearTimeout(timer);
      thread.removeAllListeners('message').off('error', onError).off('exit', onExit);
      if (reusable) release(thread);
      else discard(thread);
      settle();
      next();
    };
    const onError = (error: Error) => done(() => job.reject(error), false);
    const onExit = () => done(() => job.reject(new Error('the parsing thread ended before it answered')), false);
    const timer = setTimeout(() => done(() => job.reject(tooSlow()), false), API_LIMITS.parseTimeoutMs);
    thread.once('message', (answer: ThreadAnswer | SplitAnswer) => done(() => job.resolve(answer), true));
    thread.once('error', onError).once('exit', onExit);
    thread.postMessage(job.request);
  }

  function release(thread: Worker): void {
    thread.unref();
    idle.push(thread);
  }

  function discard(thread: Worker): void {
    all.delete(thread);
    void thread.terminate();
  }

  return {
    parse: async (upload) => {
      if (upload.bytes.length <= API_LIMITS.parseInlineBytes) return accept(parseUpload(upload));
      const answer = await inThread<ThreadAnswer>(upload);
      if (!answer.ok) throw failureOf(answer);
      const { headJson, taskJsons, ...rest } = answer;
      return { ...rest, definition: await readInPieces(headJson, taskJsons) };
    },
    split: async (request) => {
      const isShort = request.bytes.length <= API_LIMITS.parseInlineBytes;
      const answer = isShort ? splitText(request) : await inThread<SplitAnswer>(request);
      if (!answer.ok) throw failureOf(answer);
      return answer.documents;
    },
    close: async () => {
      for (const job of waiting.splice(0)) job.reject(busy());
      await Promise.all([...all].map((thread) => thread.terminate()));
    },
  };
}

async function readInPieces(headJson: string, taskJsons: string[]): Promise<WorkflowDefinition> {
  const tasks: TaskDefinition[] = [];
  for (const json of taskJsons) {
    await setImmediate();
    tasks.push(...(JSON.parse(json) as TaskDefinition[]));
  }
  await setImmediate();
  return { ...(JSON.parse(headJson) as Omit<WorkflowDefinition, 'tasks'>), tasks };
}

function accept(answer: ParsedUpload | RefusedUpload): ParsedUpload {
  if (!answer.ok) throw failureOf(answer);
  return answer;
}

function failureOf(answer: RefusedUpload): ApiFailure {
  return new ApiFailure(answer.code, answer.message, { errors: answer.problems });
}

function busy(): ApiFailure {
  return new ApiFailure('TOO_MANY_REQUESTS', 'too many definitions are being read at once', {
    retryAfterSeconds: API_LIMITS.retryAfterSeconds,
  });
}

function tooSlow(): ApiFailure {
  return new ApiFailure('TOO_LARGE', `the definition could not be read within ${API_LIMITS.parseTimeoutMs / 1000} s`);
}
