/** The OpenAPI 3.1 document, made from the table of routes: the schemas in it are the ones that validate. Pure. */
import { z } from 'zod';
import { ERRORS, workflowJsonSchema, type Problem } from '@pelorus/protocol';
import type { AccessRule } from '../access.ts';
import { instantAnswer, schemaOf } from '../answers/schema-of.ts';
import { importReportAnswer } from '../answers/transfer.ts';
import { problemPlaceAnswer } from '../answers/words.ts';
import type { BodyMedia } from '../body.ts';
import { SESSION_COOKIE } from '../credentials.ts';
import type { AnswerMedia, Route } from '../route.ts';
import { JSON_TEXT } from '../schemas.ts';
import { createComponents, type Components, type JsonSchema } from './components.ts';

export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Record<string, JsonSchema>; readonly [kind: string]: unknown };
  readonly [member: string]: unknown;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: string[];
  /** Who may, in one word: `anyone`, `signed-in`, `administrator`, or a right in the project of what is asked for. */
  readonly 'x-access': string;
  readonly security?: object[];
  readonly parameters: Parameter[];
  readonly requestBody?: RequestBody;
  readonly responses: Record<string, Response>;
}

export interface RequestBody {
  readonly required: boolean;
  readonly content: Record<string, Media>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema?: JsonSchema;
  /** In place of `schema`: the value is JSON text. */
  readonly content?: Record<string, Media>;
}

export interface Media {
  readonly schema: JsonSchema;
  readonly encoding?: Record<string, { contentType: string }>;
  /** Schema of each event of a stream, as `{event, data}`. */
  readonly 'x-event'?: JsonSchema;
}

export type Response =
  | { readonly $ref: string }
  | { readonly description: string; readonly content?: Record<string, Media>; readonly headers?: object };

/** `urlOf` gives the whole path of a route, with `:name` for its parameters. */
export function openApiDocument(
  routes: readonly Route[],
  urlOf: (route: Route) => string,
  version: string,
): OpenApiDocument {
  const components = createComponents();
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const path = urlOf(route).replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, path, components) };
  }
  const responses = problemResponses(components);
  return {
    openapi: '3.1.1',
    info: {
      title: 'Pelorus',
      version,
      description:
        'Workflows: schedules, runs, logs. `/executors` is the published contract; everything else are resources.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    jsonSchemaDialect: DIALECT,
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { session: [] }],
    tags: [...new Set(routes.map((route) => tagOf(urlOf(route))))].map((name) => ({ name })),
    paths,
    components: {
      schemas: components.all(),
      responses,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An API token.' },
        session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE, description: 'What signing in answers with.' },
      },
    },
  };
}

function operationOf(route: Route, path: string, components: Components): Operation {
  const body = bodyOf(route, components);
  return {
    operationId: route.id,
    summary: route.summary,
    tags: [tagOf(path)],
    'x-access': accessWord(route.access),
    ...(route.access.who === 'anyone' ? { security: [] } : {}),
    parameters: [
      ...parametersOf(components.schemaOf(route.schemas.params, 'input'), 'path'),
      ...parametersOf(components.schemaOf(route.schemas.query, 'input'), 'query'),
      ...(route.readsQuery && route.schemas.body !== null
        ? parametersOf(
            components.resolved(components.schemaOf(route.schemas.body, 'input')),
            'query',
            IN_PLACE_OF_THE_BODY,
          )
        : []),
      ...headersOf(route),
    ],
    ...(body === null ? {} : { requestBody: body }),
    responses: { ...answersOf(route, components), ...refusalsOf(route, components) },
  };
}

const IN_PLACE_OF_THE_BODY = 'In place of the member of that name in the body.';

/** What the path is about: `runs` in `/api/v1/runs/{run}/tasks`, `workflows` in `/api/v1/projects/{project}/workflows/{workflow}`. */
function tagOf(path: string): string {
  const steps = path
    .replace(/^\/api\/v1(?=\/|$)/, '')
    .split('/')
    .filter((step) => step !== '');
  const [first = 'system', , third] = steps;
  if (first === 'projects' && third !== undefined) return third.replace(/[:{].*$/, '') || first;
  return SYSTEM.has(first) ? 'system' : first;
}

const SYSTEM: ReadonlySet<string> = new Set(['livez', 'readyz', 'metrics', 'schemas', 'openapi.json', 'docs']);

function accessWord(rule: AccessRule): string {
  return rule.who === 'member' ? `project:${rule.right}` : rule.who;
}

function parametersOf(schema: JsonSchema, where: 'path' | 'query', description?: string): Parameter[] {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  const required = new Set((schema['required'] ?? []) as string[]);
  return properties.map(([name, property]): Parameter => {
    const head = {
      name,
      in: where,
      // What may as well stand in the body is not required here.
      required: where === 'path' || (description === undefined && required.has(name)),
      ...(description === undefined ? {} : { description }),
    };
    return isJsonText(property)
      ? { ...head, content: { 'application/json': { schema: property } } }
      : { ...head, schema: property };
  });
}

function isJsonText(schema: JsonSchema): boolean {
  return Object.keys(JSON_TEXT).every((mark) => schema[mark] === true);
}

function headersOf(route: Route): Parameter[] {
  const statuses = Object.keys(route.answers);
  const streams = Object.values(route.answers).some(
    (answer) => answer !== null && 'media' in answer && 'text/event-stream' in answer.media,
  );
  return [
    ...(route.repeatable ? [HEADERS.key] : []),
    ...(route.conditional ? [HEADERS.ifMatch] : []),
    ...(statuses.includes('304') ? [HEADERS.ifNoneMatch] : []),
    ...(statuses.includes('206') ? [HEADERS.range] : []),
    ...(streams ? [HEADERS.lastEventId] : []),
  ];
}

const HEADERS = {
  key: header('Idempotency-Key', 'The same key makes nothing new within 24 hours and gives the same answer.', {
    pattern: '^[\\x21-\\x7e]{1,255}$',
  }),
  ifMatch: header('If-Match', 'Entity tag of what is there, or `*`; if it is another, nothing is changed (412).'),
  ifNoneMatch: header('If-None-Match', 'Entity tag of what the client has; if it is that still, the answer is 304.'),
  range: header('Range', 'One range of bytes.'),
  lastEventId: header('Last-Event-ID', 'Id of the last event that was received: the stream goes on behind it.'),
} as const;

function header(name: string, description: string, more: JsonSchema = {}): Parameter {
  return { name, in: 'header', required: false, description, schema: { type: 'string', ...more } };
}

function bodyOf(route: Route, components: Components): RequestBody | null {
  const media = Object.entries(route.bodyMedia);
  if (media.length === 0) return null;
  const content = Object.fromEntries(media.map(([type, what]) => [type, bodyMediaOf(what, components)]));
  const isOptional =
    route.readsQuery || media.some(([, what]) => what.kind === 'json' && what.schema.safeParse({}).success);
  return { required: !isOptional, content };
}

function bodyMediaOf(media: BodyMedia, components: Components): Media {
  switch (media.kind) {
    case 'json':
      return { schema: components.schemaOf(media.schema, 'input') };
    case 'form':
      return formOf(components.schemaOf(media.schema, 'input'), media.file, components);
    case 'definition':
      return { schema: components.adopt('Definition', workflowJsonSchema) };
    case 'bytes':
      return { schema: {} };
  }
}

/** Members that are objects or arrays are JSON text in a form. */
function formOf(schema: JsonSchema, file: string | null, components: Components): Media {
  const members = Object.entries((components.resolved(schema)['properties'] ?? {}) as Record<string, JsonSchema>);
  const texts = members.filter(([, member]) => isJsonText(member));
  const encoding = Object.fromEntries(texts.map(([name]) => [name, { contentType: 'application/json' }]));
  if (file === null) return { schema, encoding };
  const { properties, ...rest } = components.resolved(schema);
  return {
    schema: { ...rest, properties: { ...(properties as object), [file]: { description: 'A file.' } } },
    encoding: { ...encoding, [file]: { contentType: 'application/octet-stream' } },
  };
}

function answersOf(route: Route, components: Components): Record<string, Response> {
  const answers = Object.entries(route.answers).map(([status, answer]): [string, Response] => {
    const description = DESCRIPTIONS[status] ?? 'As asked for.';
    if (answer === null) return [status, { description }];
    const media = 'media' in answer ? answer.media : { 'application/json': answer };
    const content = Object.entries(media).map(([type, what]): [string, Media] => [
      type,
      answerMediaOf(type, what, components),
    ]);
    return [status, { description, content: Object.fromEntries(content) }];
  });
  return Object.fromEntries(answers);
}

const DESCRIPTIONS: Record<string, string> = {
  200: 'As asked for.',
  201: 'Made.',
  202: 'Accepted.',
  204: 'Done; there is nothing to say.',
  304: 'The client has it already.',
};

function answerMediaOf(type: string, media: AnswerMedia, components: Components): Media {
  // What is written by people may be anything, where it is JSON.
  if (media === 'text') return { schema: type.endsWith('json') ? {} : { type: 'string' } };
  if (media === 'bytes') return { schema: {} };
  if ('events' in media) return { schema: { type: 'string' }, 'x-event': components.schemaOf(media.events, 'output') };
  return { schema: components.schemaOf(media, 'output') };
}

/** Statuses of the error table. */
const REFUSAL_STATUSES: readonly number[] = [...new Set(Object.values(ERRORS).map((row) => row.status))].toSorted(
  (left, right) => left - right,
);

/** Statuses with which an operation may refuse. */
function refusalsOf(route: Route, components: Components): Record<string, Response> {
  const reads = route.method === 'GET';
  const names = Object.keys({ ...route.schemas.params.shape, ...route.schemas.query.shape });
  const hasBody = Object.keys(route.bodyMedia).length > 0;
  const statuses = [
    400,
    // Credentials that are not valid are refused everywhere, also where none are needed.
    401,
    403,
    ...(names.length > 0 || hasBody ? [404] : []),
    409,
    ...(reads ? [] : [412, 413, 415]),
    414,
    ...(hasBody || route.repeatable ? [422] : []),
    429,
    431,
    503,
  ];
  return Object.fromEntries(
    statuses
      .filter((status) => REFUSAL_STATUSES.includes(status))
      .map((status) => [String(status), refusalOf(route, status, components)]),
  );
}

function refusalOf({ refusal }: Route, status: number, components: Components): Response {
  if (refusal === null) return { $ref: `#/components/responses/Problem${status}` };
  const schema = components.schemaOf(refusal.schema, 'output');
  return { description: 'Refused.', content: { 'application/problem+json': { schema } } };
}

const problemSchema = schemaOf<Problem>()(
  'Problem',
  z.strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(ERRORS) as [keyof typeof ERRORS]),
    error: z.string(),
    message: z.string(),
    errors: z.array(problemPlaceAnswer).exactOptional(),
    state: z.string().exactOptional(),
    version: z.int().nullable().exactOptional(),
    report: importReportAnswer.exactOptional(),
    retryAfter: z.number().exactOptional(),
    lastContactAt: instantAnswer.exactOptional(),
    ageSeconds: z.int().min(0).exactOptional(),
  }),
);

/** One for each status that a row of the error table has, described by the sentences of its rows. */
function problemResponses(components: Components): Record<string, Response> {
  const schema = components.schemaOf(problemSchema, 'output');
  const rows = Object.entries(ERRORS);
  return Object.fromEntries(
    REFUSAL_STATUSES.map((status): [string, Response] => {
      const sentences = rows
        .filter(([, row]) => row.status === status)
        .map(([code, row]) => `\`${code}\`: ${row.sentence}`);
      return [
        `Problem${status}`,
        {
          description: sentences.join('\n'),
          ...(status === 503 || status === 429 ? { headers: RETRY_AFTER } : {}),
          content: { 'application/problem+json': { schema } },
        },
      ];
    }),
  );
}

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 0 } } };
