/**
 * One route as data: method, path, schemas, handler. The table in `routes.ts` lists them all; fastify and the OpenAPI
 * document are made from it.
 */
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Problem } from '@pelorus/protocol';
import type { AccessRule } from './access.ts';
import type { BodyReader } from './body.ts';
import type { ApiContext } from './context.ts';
import { noBody } from './body.ts';
import { parseInput } from './parse-input.ts';
import { nothing } from './schemas.ts';
import type { EventSource } from './sse.ts';
import { submissionKey } from './submission-key.ts';
import type { SubmissionKey } from './submit.ts';

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** Absent: no content. */
  body?:
    | { json: unknown }
    | { stream: AsyncIterable<string> }
    | { events: EventSource }
    /** Anything else, with its content type. */
    | { text: string; type: string }
    | { bytes: Uint8Array; type: string }
    /** Bytes of any length, sent as the client takes them. */
    | { pieces: AsyncIterable<Uint8Array>; type: string };
}

/** What a status answers with: JSON of a schema, nothing (null), or something of one of several media types. */
export type Answers = Readonly<Record<number, z.ZodType | null | { media: Readonly<Record<string, AnswerMedia>> }>>;
/** JSON of a schema; the events of a stream, each as `{event, data}` of a schema; plain text; bytes. */
export type AnswerMedia = z.ZodType | { events: z.ZodType } | 'text' | 'bytes';

export interface Input<Params, Query, Body> {
  params: Params;
  query: Query;
  body: Body;
  /** Aborts when the client has gone. */
  signal: AbortSignal;
  /** Of routes that are `repeatable`; on others the header is not looked at. */
  key: SubmissionKey | null;
  /** Of a client that comes back to an event stream: the last event it had, as it says. */
  lastEventId: string | null;
  /** Entity tags of what the client has already; empty when it does not say. */
  ifNoneMatch: readonly string[];
  /** Entity tags of which one must be that of what is there, `*` for any; null: no such condition. */
  ifMatch: readonly string[] | null;
  /** The header `Range`, as it was sent. */
  range: string | null;
}

export interface RouteDefinition<Params extends z.ZodObject, Query extends z.ZodObject, Body> {
  /** Names the operation: in the OpenAPI document, in the audit, in the typed client. */
  id: string;
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below `/api/v1`, unless `root`. */
  path: string;
  /** The last parameter of the path may hold slashes. */
  deep?: boolean;
  /** The path is taken from the root of the server, and needs no token. */
  root?: boolean;
  /** Who may; enforced before the handler and by `lookup.ts`. */
  access: AccessRule;
  /** The header `Idempotency-Key` is honoured. */
  repeatable?: boolean;
  /** The header `If-Match` is honoured. */
  conditional?: boolean;
  summary: string;
  /** All successful answers by status. Errors are problem documents and not listed. */
  answers: Answers;
  /** Of a published interface whose errors look otherwise. */
  refusal?: RefusalForm;
  params?: Params;
  query?: Query;
  body?: BodyReader<Body>;
  handle(input: Input<z.output<Params>, z.output<Query>, Body>, context: ApiContext): Promise<Answer> | Answer;
}

/** Errors that are problem documents with something else around them. */
export interface RefusalForm {
  schema: z.ZodType;
  body: (problem: Problem) => object;
}

/** A route whose types are closed over. */
export interface Route {
  id: string;
  method: RouteDefinition<z.ZodObject, z.ZodObject, unknown>['method'];
  path: string;
  deep: boolean;
  root: boolean;
  access: AccessRule;
  summary: string;
  repeatable: boolean;
  conditional: boolean;
  schemas: { params: z.ZodObject; query: z.ZodObject; body: z.ZodType | null };
  answers: Answers;
  refusal: RefusalForm | null;
  contentTypes: readonly string[];
  /** What bodies hold, by content type; null: none is needed. */
  bodyMedia: BodyReader<unknown>['media'];
  /** The parameters of the body may as well stand in the query. */
  readsQuery: boolean;
  bodyLimitBytes: number;
  run(request: FastifyRequest, signal: AbortSignal, context: ApiContext): Promise<Answer>;
}

const NO_SCHEMA = nothing as z.ZodObject;

export function route<Params extends z.ZodObject, Query extends z.ZodObject, Body = undefined>(
  definition: RouteDefinition<Params, Query, Body>,
): Route {
  const params = definition.params ?? NO_SCHEMA;
  const query = definition.query ?? NO_SCHEMA;
  // Without a reader `Body` is `undefined`, which is what `noBody` gives.
  const body = definition.body ?? (noBody as BodyReader<unknown> as BodyReader<Body>);
  return {
    id: definition.id,
    method: definition.method,
    path: definition.path,
    access: definition.access,
    deep: definition.deep ?? false,
    root: definition.root ?? false,
    summary: definition.summary,
    schemas: { params, query, body: body.schema },
    answers: definition.answers,
    refusal: definition.refusal ?? null,
    repeatable: definition.repeatable ?? false,
    conditional: definition.conditional ?? false,
    contentTypes: body.contentTypes,
    bodyMedia: body.media,
    readsQuery: body.readsQuery,
    bodyLimitBytes: body.limitBytes,
    run: async (request, signal, context) => {
      const read = {
        params: parseInput(params, pathParameters(request, definition)) as z.output<Params>,
        query: (body.readsQuery ? {} : parseInput(query, request.query)) as z.output<Query>,
        body: await body.read(request),
      };
      const key = definition.repeatable === true ? keyOf(request, definition.path, read) : null;
      const more = {
        key,
        lastEventId: lastEventIdOf(request),
        ifNoneMatch: entityTagsOf(request),
        ...conditionsOf(request),
      };
      return definition.handle({ ...read, ...more, signal }, context);
    },
  };
}

function keyOf(request: FastifyRequest, path: string, read: object): SubmissionKey {
  return submissionKey(request.headers['idempotency-key'], { path, ...read });
}

/** Of a deep path, the router calls the last one `*`. */
function pathParameters(request: FastifyRequest, { path, deep }: { path: string; deep?: boolean }): unknown {
  if (deep !== true) return request.params;
  const { '*': last, ...rest } = request.params as Record<string, unknown>;
  return { ...rest, [path.slice(path.lastIndexOf(':') + 1)]: last };
}

function conditionsOf({ headers }: FastifyRequest): Pick<Input<never, never, never>, 'ifMatch' | 'range'> {
  const ifMatch = headers['if-match'];
  return {
    ifMatch: ifMatch === undefined ? null : (ifMatch.match(/(?:W\/)?"[^"]*"|\*/g) ?? []),
    range: headers.range ?? null,
  };
}

function lastEventIdOf(request: FastifyRequest): string | null {
  const header = request.headers['last-event-id'];
  return typeof header === 'string' && header !== '' ? header : null;
}

/** Weak and strong ones alike, as comparing for `If-None-Match` asks for. */
function entityTagsOf(request: FastifyRequest): string[] {
  return (request.headers['if-none-match'] ?? '').match(/"[^"]*"|\*/g) ?? [];
}

export function ok(json: unknown): Answer {
  return { status: 200, body: { json } };
}
export function created(json: unknown, headers: Record<string, string> = {}): Answer {
  return { status: 201, headers, body: { json } };
}
export function accepted(json: unknown): Answer {
  return { status: 202, body: { json } };
}
