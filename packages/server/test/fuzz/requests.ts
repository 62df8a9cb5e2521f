/** Requests made from the OpenAPI document: valid ones, nearly valid ones and wild ones. The same seed makes the same requests. */
import * as fc from 'fast-check';
import type { JsonSchema } from '../../src/api/openapi/components.ts';
import type { Media, OpenApiDocument, Parameter } from '../../src/api/openapi/document.ts';
import type { DocumentedOperation } from '../openapi/document-checker.ts';
import { fitting, wildText, wildValue, type Known, type SchemaReader } from './values.ts';

export interface FuzzRequest {
  operation: DocumentedOperation;
  kind: 'valid' | 'near' | 'wild';
  method: string;
  /** Path and query as they are sent. */
  target: Buffer;
  headers: [string, string][];
  body: Buffer | null;
  /** How the body is sent: with its length, in chunks, with less or more than announced, in two halves. */
  sent: 'length' | 'chunked' | 'short' | 'long' | 'halves';
}

export interface Sources {
  document: OpenApiDocument;
  operations: readonly DocumentedOperation[];
  known: Known;
  /** Bearer token of who may everything. */
  token: string;
}

export function requestsOf(sources: Sources, seed: number, count: number): FuzzRequest[] {
  const reader: SchemaReader = {
    resolved: (schema) => {
      const name = typeof schema['$ref'] === 'string' ? schema['$ref'].replace('#/components/schemas/', '') : null;
      return name === null ? schema : (sources.document.components.schemas[name] ?? {});
    },
  };
  const perOperation = sources.operations.map((operation) => requestFor(operation, sources, reader));
  return fc.sample(fc.oneof(...perOperation), { seed, numRuns: count });
}

function requestFor(operation: DocumentedOperation, sources: Sources, reader: SchemaReader): fc.Arbitrary<FuzzRequest> {
  const of = (kind: FuzzRequest['kind']) => requestOfKind(operation, kind, sources, reader);
  return fc.oneof(
    { arbitrary: of('valid'), weight: 4 },
    { arbitrary: of('near'), weight: 4 },
    { arbitrary: of('wild'), weight: 2 },
  );
}

function requestOfKind(
  operation: DocumentedOperation,
  kind: FuzzRequest['kind'],
  { known, token }: Sources,
  reader: SchemaReader,
): fc.Arbitrary<FuzzRequest> {
  const all = operation.operation.parameters;
  // What may stand in the body or in the query is given in one of them when all shall be well.
  const parameters = kind === 'valid' ? all.filter((one) => one.in !== 'query' || one.description === undefined) : all;
  const path = fc.tuple(
    ...parameters
      .filter((one) => one.in === 'path')
      .map((one) => fc.tuple(fc.constant(one.name), pathValue(one, kind, known, reader))),
  );
  const query = fc.tuple(
    ...parameters
      .filter((one) => one.in === 'query')
      .map((one) => queryPart(one, kind, known, reader, parameters.length)),
  );
  const extraQuery =
    kind === 'valid'
      ? fc.constant<string[]>([])
      : fc.oneof({ arbitrary: fc.constant<string[]>([]), weight: 5 }, { arbitrary: strangeQuery, weight: 1 });
  const body = bodyFor(operation, kind, known, reader);
  const headers = fc.tuple(credentials(token, kind), strangeHeaders(kind));
  const method =
    kind === 'wild'
      ? fc.oneof(
          { arbitrary: fc.constant(operation.method), weight: 9 },
          {
            arbitrary: fc.constantFrom(
              'GET',
              'HEAD',
              'PUT',
              'POST',
              'PATCH',
              'DELETE',
              'OPTIONS',
              'TRACE',
              'PROPFIND',
              'get',
            ),
            weight: 1,
          },
        )
      : fc.constant(operation.method);
  const sent: fc.Arbitrary<FuzzRequest['sent']> =
    kind === 'valid'
      ? fc.constantFrom('length', 'length', 'chunked', 'halves')
      : fc.constantFrom('length', 'length', 'length', 'chunked', 'halves', 'short', 'long');
  return fc.record({ path, query, extraQuery, body, headers, method, sent }).map((made): FuzzRequest => {
    const filled = made.path.reduce((so, [name, value]) => so.replace(`{${name}}`, () => value), operation.path);
    const parts = [...made.query.flat(), ...made.extraQuery].filter((part) => part !== '');
    return {
      operation,
      kind,
      method: made.method,
      target: Buffer.from(parts.length === 0 ? filled : `${filled}?${parts.join('&')}`, 'latin1'),
      headers: [
        ...made.headers.flat(),
        ...(made.body === null || made.body.type === null
          ? []
          : [['content-type', made.body.type] as [string, string]]),
      ],
      body: made.body === null ? null : made.body.bytes,
      sent: made.sent,
    };
  });
}

/** Stands for the secret of a session that exists when the request is sent. */
export const SESSION = '{session}';

/** Percent-encoded, lone surrogates as the bytes that they would be. */
function encoded(text: string): string {
  return [...text]
    .map((character) => {
      const point = character.codePointAt(0) ?? 0;
      if (point < 0xd800 || point > 0xdfff) return encodeURIComponent(character);
      return [0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)]
        .map((byte) => `%${byte.toString(16)}`)
        .join('');
    })
    .join('');
}

function schemaOf(parameter: Parameter): JsonSchema {
  return parameter.schema ?? parameter.content?.['application/json']?.schema ?? {};
}

/** Never empty and without a slash of its own: the route stays the one that is meant. */
function pathValue(
  parameter: Parameter,
  kind: FuzzRequest['kind'],
  known: Known,
  reader: SchemaReader,
): fc.Arbitrary<string> {
  const fits = fitting(schemaOf(parameter), reader, known, parameter.name).map(
    (value) => encoded(String(value)) || 'x',
  );
  const wild = fc.oneof(
    wildText.map((text) => encoded(text) || '%00'),
    fc.constantFrom('%', '%zz', '%ff', '%2e%2e', '%2f', '%c0%ae', '..%2f..', 'a%0d%0ab', ';x=y'),
  );
  if (kind === 'valid') return fits;
  return fc.oneof({ arbitrary: fits, weight: kind === 'near' ? 12 : 2 }, { arbitrary: wild, weight: 2 });
}

/** How long a request may wait is kept short: hanging is what is looked for. */
const WAITS = new Set(['wait', 'waitMs']);

function queryPart(
  parameter: Parameter,
  kind: FuzzRequest['kind'],
  known: Known,
  reader: SchemaReader,
  parameters: number,
): fc.Arbitrary<string[]> {
  const schema = reader.resolved(schemaOf(parameter));
  const values: fc.Arbitrary<unknown> = WAITS.has(parameter.name)
    ? fc.constantFrom<unknown>(0, 1, 20, 'x', -1, 99_999_999)
    : fitting(schema, reader, known, parameter.name);
  const name = encodeURIComponent(parameter.name);
  const fits = values.map((value) => partsOf(name, value, parameter.content !== undefined));
  const given = parameter.required
    ? fits
    : fc.oneof({ arbitrary: fc.constant<string[]>([]), weight: 2 + parameters }, { arbitrary: fits, weight: 2 });
  if (kind === 'valid') return given;
  const wild = fc
    .tuple(wildText, wildText)
    .chain(([one, two]) =>
      fc.constantFrom<string[]>(
        [`${name}=${encoded(one)}`],
        [`${name}=${encoded(one)}`, `${name}=${encoded(two)}`],
        [name],
        [`${name}=`],
        [`${name}[]=${encoded(one)}`],
        [`${name}[a]=1`],
      ),
    );
  return fc.oneof({ arbitrary: given, weight: 4 + 2 * parameters }, { arbitrary: wild, weight: 1 });
}

function partsOf(name: string, value: unknown, asJson: boolean): string[] {
  if (asJson) return [`${name}=${encoded(JSON.stringify(value))}`];
  const values = Array.isArray(value) ? value : [value];
  return values.map((one) => `${name}=${encoded(typeof one === 'object' ? JSON.stringify(one) : String(one))}`);
}

const strangeQuery = fc.constantFrom(
  ['__proto__=1'],
  ['x=1'],
  ['='],
  ['&&&'],
  ['a%zz=1'],
  ['%00=%00'],
  Array.from({ length: 1200 }, (_, at) => `p${at}=1`),
  ['q='.padEnd(15_000, 'q')],
  ['limit=1', 'limit=2'],
  ['cursor=e30'],
  ['cursor=%22'],
);

function credentials(token: string, kind: FuzzRequest['kind']): fc.Arbitrary<[string, string][]> {
  const right: [string, string][] = [['authorization', `Bearer ${token}`]];
  const wrong: [string, string][][] = [
    [],
    [['authorization', 'Bearer no']],
    [['authorization', 'Basic YTpi']],
    [['authorization', `Bearer ${'x'.repeat(3000)}`]],
    [['cookie', 'pelorus_session=no']],
    [['cookie', `pelorus_session=${'x'.repeat(3000)}; a=b; pelorus_session=2`]],
    [...right, ['cookie', 'pelorus_session=no']],
    [...right, ...right],
  ];
  return fc.oneof(
    { arbitrary: fc.constant(right), weight: kind === 'valid' ? 40 : 16 },
    { arbitrary: fc.constantFrom(...wrong), weight: 1 },
  );
}

function strangeHeaders(kind: FuzzRequest['kind']): fc.Arbitrary<[string, string][]> {
  if (kind === 'valid') return fc.constant([]);
  const strange: [string, string][][] = [
    [['idempotency-key', 'k1']],
    [['idempotency-key', 'x'.repeat(300)]],
    [
      ['idempotency-key', 'a'],
      ['idempotency-key', 'b'],
    ],
    [['if-match', '"1"']],
    [['if-match', '*']],
    [['if-match', '"x'.repeat(50)]],
    [['if-none-match', '*']],
    [['if-none-match', '\u00ff"']],
    [['last-event-id', '0']],
    [['last-event-id', '99999999999999999999']],
    [['last-event-id', '\u00e9\u00ff']],
    [['expect', '100-continue']],
    [['expect', 'the unexpected']],
    [['content-encoding', 'gzip']],
    [['content-encoding', 'br, identity']],
    [['accept', 'image/png']],
    [['accept-encoding', '*;q=0']],
    [['range', 'bytes=0-1']],
    [['origin', 'http://evil.example']],
    [['origin', 'null']],
    [['sec-fetch-site', 'cross-site']],
    [['x-forwarded-for', '1.2.3.4, x']],
    [['x-http-method-override', 'DELETE']],
    [
      ['upgrade', 'websocket'],
      ['connection', 'upgrade'],
    ],
    [['x-long', 'z'.repeat(10_000)]],
    [['x-longer', 'z'.repeat(40_000)]],
    Array.from({ length: 300 }, (_, at) => [`x-${at}`, '1'] as [string, string]),
    [['\u00e9', '1']],
    [['x-empty', '']],
    [['content-type', 'text/plain']],
    [['transfer-encoding', 'gzip']],
  ];
  return fc.oneof(
    { arbitrary: fc.constant<[string, string][]>([]), weight: kind === 'near' ? 8 : 2 },
    { arbitrary: fc.constantFrom(...strange), weight: 1 },
  );
}

interface MadeBody {
  type: string | null;
  bytes: Buffer;
}

function bodyFor(
  { operation, method }: DocumentedOperation,
  kind: FuzzRequest['kind'],
  known: Known,
  reader: SchemaReader,
): fc.Arbitrary<MadeBody | null> {
  const content = Object.entries(operation.requestBody?.content ?? {});
  if (content.length === 0) {
    if (kind === 'valid' || method === 'GET') return fc.constant(null);
    return fc.oneof({ arbitrary: fc.constant(null), weight: 3 }, { arbitrary: strangeBody, weight: 1 });
  }
  const made = fc.oneof(...content.map(([type, media]) => bodyOf(type, media, kind, known, reader)));
  if (kind === 'valid')
    return operation.requestBody?.required === true
      ? made
      : fc.oneof({ arbitrary: made, weight: 4 }, { arbitrary: fc.constant(null), weight: 1 });
  return fc.oneof(
    { arbitrary: made, weight: 8 },
    { arbitrary: strangeBody, weight: kind === 'near' ? 1 : 4 },
    { arbitrary: fc.constant(null), weight: 1 },
  );
}

function bodyOf(
  type: string,
  media: Media,
  kind: FuzzRequest['kind'],
  known: Known,
  reader: SchemaReader,
): fc.Arbitrary<MadeBody> {
  const isDefinition = media.schema['$ref'] === '#/components/schemas/Definition';
  const fits = isDefinition ? definition : fitting(media.schema, reader, known);
  const value = kind === 'valid' ? fits : fits.chain((right) => spoilt(right));
  return value.chain((whole) =>
    fc
      .tuple(written(type, whole, media), kind === 'valid' ? fc.constant(type) : strangeType(type))
      .map(([bytes, said]) => ({ type: said, bytes })),
  );
}

/** Workflows whose tasks do nothing. */
const definition: fc.Arbitrary<unknown> = fc
  .tuple(
    fc.stringMatching(/^[a-z]{1,8}$/),
    fc.uniqueArray(fc.stringMatching(/^[a-z]{1,5}$/), { minLength: 1, maxLength: 6 }),
    fc.constantFrom('shell', 'virtual', 'http', 'sql', 'conditions', 'sub_workflow'),
  )
  .map(([name, tasks, type]) => ({
    name,
    tasks: Object.fromEntries(
      tasks.map((task, at) => [
        task,
        at === 0 && type !== 'shell'
          ? { type, ...EXTRA[type] }
          : { run: 'true', ...(at > 0 ? { needs: [tasks[at - 1]] } : {}) },
      ]),
    ),
  }));
const EXTRA: Record<string, object> = {
  http: { url: 'http://127.0.0.1:1/' },
  sql: { connection: 'db', run: 'select 1' },
  sub_workflow: { workflow: 'diamond' },
};

/** One thing in it is something else: a value, a name, one too many, one too few. */
function spoilt(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null) return fc.oneof(fc.constant(value), wildValue);
  const keys = Object.keys(value);
  const at = keys.length === 0 ? fc.constant('x') : fc.constantFrom(...keys);
  return fc.tuple(at, wildValue, fc.nat(5)).chain(([key, wild, how]) => {
    const inner: unknown = Reflect.get(value, key);
    if (how === 0) return fc.constant(without(value, key));
    if (how === 1) return fc.constant(withMember(value, 'unknown', wild));
    if (how === 2 && typeof inner === 'object' && inner !== null)
      return spoilt(inner).map((worse) => withMember(value, key, worse));
    if (how === 3) return fc.constantFrom(value, [value], wild);
    return fc.constant(withMember(value, key, wild));
  });
}

function without(value: object, key: string): unknown {
  return Array.isArray(value)
    ? value.slice(1)
    : Object.fromEntries(Object.entries(value).filter(([one]) => one !== key));
}

function withMember(value: object, key: string, member: unknown): unknown {
  return Array.isArray(value) ? [...(value as unknown[]), member] : { ...value, [key]: member };
}

function written(type: string, value: unknown, media: Media): fc.Arbitrary<Buffer> {
  if (type === 'application/x-www-form-urlencoded')
    return fc.constant(
      Buffer.from(
        membersOf(value)
          .map(([name, text]) => `${encoded(name)}=${encoded(text)}`)
          .join('&'),
      ),
    );
  if (type === 'multipart/form-data')
    return fc
      .boolean()
      .map((withFile) => multipart(membersOf(value), withFile && media.encoding?.['file'] !== undefined));
  return fc.constant(Buffer.from(jsonText(value)));
}

/** As JSON, also what is nested deeper than JSON.stringify goes. */
function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    return '['.repeat(50_000) + ']'.repeat(50_000);
  }
}

function membersOf(value: unknown): [string, string][] {
  if (typeof value !== 'object' || value === null) return [['', jsonText(value)]];
  return Object.entries(value).map(([name, member]) => [name, typeof member === 'string' ? member : jsonText(member)]);
}

const BOUNDARY = 'fuzzboundary';

function multipart(members: [string, string][], withFile: boolean): Buffer {
  const file = withFile
    ? [
        `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="w.zip"\r\n\r\nPK\u0003\u0004 no zip\r\n`,
      ]
    : [];
  const parts = members.map(
    ([name, text]) =>
      `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name.replaceAll(/["\r\n]/g, '_')}"\r\n\r\n${text}\r\n`,
  );
  return Buffer.from(`${[...parts, ...file].join('')}--${BOUNDARY}--\r\n`);
}

function strangeType(type: string): fc.Arbitrary<string | null> {
  const plain = type === 'multipart/form-data' ? `${type}; boundary=${BOUNDARY}` : type;
  const strange = [
    `${type}; charset=utf-16`,
    `${type}; charset=`,
    `${type}; charset=utf-8; charset=latin1`,
    type.toUpperCase(),
    'text/plain',
    'application/octet-stream',
    '',
    ';',
    'application/json',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    `multipart/form-data; boundary=${'b'.repeat(500)}`,
    'application/json+x',
    '*/*',
    null,
  ];
  return fc.oneof(
    { arbitrary: fc.constant<string | null>(plain), weight: 6 },
    { arbitrary: fc.constantFrom(...strange), weight: 1 },
  );
}

const strangeBody: fc.Arbitrary<MadeBody> = fc.record({
  type: fc.constantFrom<string | null>(
    'application/json',
    'application/json',
    'application/yaml',
    'application/x-www-form-urlencoded',
    `multipart/form-data; boundary=${BOUNDARY}`,
    'application/vnd.pelorus.bundle+json',
    'application/octet-stream',
    'text/plain',
    null,
  ),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    wildText.map((text) => Buffer.from(text)),
    wildValue.map((value) => Buffer.from(jsonText(value))),
    fc.constantFrom(
      Buffer.from('{"a":1'),
      Buffer.from('{"a":1,"a":2}'),
      Buffer.from('\ufeff{}'),
      Buffer.from('{}', 'utf16le'),
      Buffer.from([0xff, 0xfe, 0x7b, 0x00]),
      Buffer.from('1e99999'),
      Buffer.from(`[${'1,'.repeat(100_000)}1]`),
      Buffer.from('['.repeat(200_000)),
      Buffer.from(`{"__proto__":{"admin":true},"constructor":{"prototype":{"x":1}}}`),
      Buffer.from('a: &a [*a]\n'),
      Buffer.from(`a: &a x\nb: [${'*a,'.repeat(10_000)}*a]\n`),
      Buffer.from(
        `${Array.from({ length: 12 }, (_, at) => `l${at}: &l${at} [${at === 0 ? 'x' : `*l${at - 1},*l${at - 1},*l${at - 1},*l${at - 1},*l${at - 1},*l${at - 1},*l${at - 1},*l${at - 1}`}]`).join('\n')}\n`,
      ),
      Buffer.from('!!js/function "x"'),
      Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n`),
      Buffer.from(`--${BOUNDARY}\r\nno header at all\r\n--${BOUNDARY}--`),
      Buffer.alloc(3 * 1024 * 1024, 0x20),
    ),
  ),
});
