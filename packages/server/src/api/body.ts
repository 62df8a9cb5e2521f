/** Reads bodies: by the time a handler sees one it has been parsed and checked. Nothing here trusts a content type's word. */
import type { FastifyRequest } from 'fastify';
import secureJson from 'secure-json-parse';
import { z } from 'zod';
import { BUNDLE_CONTENT_TYPE, LIMITS, type DefinitionFormat } from '@pelorus/protocol';
import { addField, type UploadedFile } from './form-fields.ts';
import { API_LIMITS } from './limits.ts';
import { readMultipart } from './multipart.ts';
import { parseInput } from './parse-input.ts';
import { ApiFailure, badParameters, problemAt } from './problem.ts';

export interface BodyReader<Body> {
  /** Media types that are read; empty: the request must have no body. */
  contentTypes: readonly string[];
  limitBytes: number;
  schema: z.ZodType | null;
  /** What a body holds, by content type, for the OpenAPI document. */
  media: Readonly<Record<string, BodyMedia>>;
  /** The query string belongs to the body's parameters. */
  readsQuery: boolean;
  read(request: FastifyRequest): Promise<Body> | Body;
}

/** JSON of a schema; a form of parameters, `file` naming the field that may be a file; a definition; bytes as they are. */
export type BodyMedia =
  | { kind: 'json'; schema: z.ZodType }
  | { kind: 'form'; schema: z.ZodType; file: string | null }
  | { kind: 'definition' }
  | { kind: 'bytes' };

const JSON_TYPE = 'application/json';
const BYTES_TYPE = 'application/octet-stream';
const FORM_TYPE = 'application/x-www-form-urlencoded';
const MULTIPART_TYPE = 'multipart/form-data';
const ZIP_TYPE = 'application/zip';
const YAML_TYPES = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];

/** No body; an empty JSON object is let through, because many clients send one. */
export const noBody: BodyReader<undefined> = {
  contentTypes: [JSON_TYPE],
  limitBytes: 1024,
  schema: null,
  media: {},
  readsQuery: false,
  read: (request) => {
    const value = readJson(bytesOf(request));
    const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    if (keys.length > 0)
      throw badParameters(
        keys.map((key) => problemAt(`/${key}`, `${key} is not known here: this request takes no body`)),
      );
    return undefined;
  },
};

/** A JSON body; an absent one counts as `{}`. */
export function jsonBody<Output>(schema: z.ZodType<Output>): BodyReader<Output> {
  return {
    contentTypes: [JSON_TYPE],
    limitBytes: API_LIMITS.parametersBodyBytes,
    schema,
    media: { [JSON_TYPE]: { kind: 'json', schema } },
    readsQuery: false,
    read: (request) => parseInput(schema, readJson(bytesOf(request)) ?? {}),
  };
}

/**
 * Parameters of the published contract: in the query string, a form, a multipart form or a JSON object alike.
 * `fileField` names the one multipart field that may be a file; it is handed on beside the parameters.
 */
export function parametersBody<Output>(
  schema: z.ZodType<Output>,
  options: { fileField?: string; limitBytes?: number } = {},
): BodyReader<{ parameters: Output; file: UploadedFile | null }> {
  const limitBytes = options.limitBytes ?? API_LIMITS.parametersBodyBytes;
  return {
    contentTypes: [JSON_TYPE, FORM_TYPE, MULTIPART_TYPE],
    limitBytes,
    schema,
    media: {
      [JSON_TYPE]: { kind: 'json', schema },
      [FORM_TYPE]: { kind: 'form', schema, file: null },
      [MULTIPART_TYPE]: { kind: 'form', schema, file: options.fileField ?? null },
    },
    readsQuery: true,
    read: async (request) => {
      const { fields, file } = await readFields(request, options.fileField ?? null, limitBytes);
      return { parameters: parseInput(schema, merged(request.query, fields)), file };
    },
  };
}

interface Fields {
  fields: Record<string, unknown>;
  file: UploadedFile | null;
}

async function readFields(request: FastifyRequest, fileField: string | null, limitBytes: number): Promise<Fields> {
  const type = mediaType(request);
  if (type === MULTIPART_TYPE) return readMultipart(request, { fileField, limitBytes });
  if (type === FORM_TYPE) return { fields: readForm(readText(bytesOf(request))), file: null };
  const value = readJson(bytesOf(request)) ?? {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ApiFailure('MALFORMED_BODY', 'the body must be a JSON object');
  return { fields: value as Record<string, unknown>, file: null };
}

/** A name in both places with different values is refused rather than guessed at. */
function merged(query: unknown, fields: Record<string, unknown>): Record<string, unknown> {
  const all = Object.assign(Object.create(null) as Record<string, unknown>, query);
  const clashes = Object.keys(fields).filter(
    (name) => Object.hasOwn(all, name) && String(all[name]) !== String(fields[name]),
  );
  if (clashes.length > 0)
    throw badParameters(clashes.map((name) => problemAt(`/${name}`, `${name} is given twice, with different values`)));
  return { ...Object.assign(all, fields) };
}

/** A repeated name becomes an array. */
function readForm(text: string): Record<string, unknown> {
  const fields = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of new URLSearchParams(text)) addField(fields, name, value);
  return fields;
}

/** Bytes as they are; an absent body counts as none of them. */
export function bytesBody(limitBytes: number): BodyReader<Buffer> {
  return {
    contentTypes: [BYTES_TYPE],
    limitBytes,
    schema: null,
    media: { [BYTES_TYPE]: { kind: 'bytes' } },
    readsQuery: false,
    read: bytesOf,
  };
}

/** A JSON body that may hold a secret: nothing of it is quoted in an answer that refuses it. */
export function confidentialBody<Output>(schema: z.ZodType<Output>): BodyReader<Output> {
  const reader = jsonBody(schema);
  return {
    ...reader,
    read: async (request) => {
      try {
        return await reader.read(request);
      } catch (cause) {
        if (!(cause instanceof ApiFailure) || cause.code !== 'MALFORMED_BODY') throw cause;
        throw new ApiFailure('MALFORMED_BODY', 'the body is not acceptable JSON');
      }
    },
  };
}

/** A definition as it was sent; parsing it is the business of `DefinitionParser`. */
export interface DefinitionBody {
  kind: 'text' | 'bundle';
  format: DefinitionFormat;
  bytes: Buffer;
}

/** As `parse-upload.ts` reads it, in another thread. */
const bundleSchema = z
  .strictObject({
    source: z.string(),
    format: z.enum(['yaml', 'json']),
    files: z
      .array(z.strictObject({ name: z.string().min(1).max(255), base64: z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/) }))
      .max(API_LIMITS.filesPerWorkflow),
  })
  .meta({ id: 'WorkflowBundle' });

export const definitionBody: BodyReader<DefinitionBody> = {
  contentTypes: [JSON_TYPE, ...YAML_TYPES, BUNDLE_CONTENT_TYPE],
  limitBytes: LIMITS.requestBodyBytes,
  schema: null,
  media: {
    [JSON_TYPE]: { kind: 'definition' },
    ...Object.fromEntries(YAML_TYPES.map((type) => [type, { kind: 'definition' } as const])),
    [BUNDLE_CONTENT_TYPE]: { kind: 'json', schema: bundleSchema },
  },
  readsQuery: false,
  read: (request) => {
    const bytes = bytesOf(request);
    if (bytes.length === 0) throw new ApiFailure('MALFORMED_BODY', 'the body must hold a definition');
    const type = mediaType(request);
    return {
      kind: type === BUNDLE_CONTENT_TYPE ? 'bundle' : 'text',
      format: YAML_TYPES.includes(type) ? 'yaml' : 'json',
      bytes,
    };
  },
};

/** Definitions as they were sent, any number of them. */
export interface ImportBody {
  kind: 'zip' | DefinitionFormat;
  bytes: Buffer;
}

export const importBody: BodyReader<ImportBody> = {
  contentTypes: [ZIP_TYPE, ...YAML_TYPES, JSON_TYPE],
  limitBytes: LIMITS.requestBodyBytes,
  schema: null,
  media: {
    [ZIP_TYPE]: { kind: 'bytes' },
    ...Object.fromEntries(YAML_TYPES.map((type) => [type, { kind: 'definition' } as const])),
    [JSON_TYPE]: { kind: 'definition' },
  },
  readsQuery: false,
  read: (request) => {
    const bytes = bytesOf(request);
    const type = mediaType(request);
    const kind = type === ZIP_TYPE ? 'zip' : YAML_TYPES.includes(type) ? 'yaml' : 'json';
    if (bytes.length === 0) throw new ApiFailure('MALFORMED_BODY', 'the body must hold definitions');
    if (kind !== 'zip' && bytes.length > API_LIMITS.importTextBytes)
      throw new ApiFailure(
        'TOO_LARGE',
        `a text may have ${API_LIMITS.importTextBytes} bytes here, this one has ${bytes.length}; send a zip`,
      );
    return { kind, bytes };
  },
};

/** Without parameters, in lower case; empty when there is none. */
export function mediaType(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** True when the request announces a body that is not empty. */
export function announcesBody(request: FastifyRequest): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? '0') !== 0;
}

function bytesOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}

/** Undefined for an empty body. Keys that could reach a prototype are refused. */
function readJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = readText(bytes);
  try {
    return secureJson.parse(text, { protoAction: 'error', constructorAction: 'error' });
  } catch (cause) {
    throw new ApiFailure(
      'MALFORMED_BODY',
      `the body is not acceptable JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** Throws the 400 for bytes that are not UTF-8. A byte order mark is dropped. */
export function readText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ApiFailure('MALFORMED_BODY', 'the body is not UTF-8 text', { cause });
  }
}
