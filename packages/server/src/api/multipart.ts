import type { FastifyRequest } from 'fastify';
import type { Multipart } from '@fastify/multipart';
import { addField, type UploadedFile } from './form-fields.ts';
import { API_LIMITS } from './limits.ts';
import { ApiFailure, badParameter } from './problem.ts';

/** Fields as text and the one file, if `fileField` allows it; everything counts towards `limitBytes`. */
export async function readMultipart(
  request: FastifyRequest,
  options: { fileField: string | null; limitBytes: number },
): Promise<{ fields: Record<string, unknown>; file: UploadedFile | null }> {
  try {
    return await readParts(request, options);
  } catch (cause) {
    throw multipartFailure(cause);
  }
}

async function readParts(
  request: FastifyRequest,
  options: { fileField: string | null; limitBytes: number },
): Promise<{ fields: Record<string, unknown>; file: UploadedFile | null }> {
  const fields = Object.create(null) as Record<string, unknown>;
  let file: UploadedFile | null = null;
  for await (const part of partsOf(request, options.limitBytes)) {
    if (part.type === 'file' && part.fieldname === options.fileField) {
      if (file !== null) throw badParameter(part.fieldname, `${part.fieldname} is given twice`);
      file = { name: part.filename, bytes: await part.toBuffer() };
    } else if (part.type === 'file') {
      addField(fields, part.fieldname, (await part.toBuffer()).toString('utf8'));
    } else {
      if (part.valueTruncated)
        throw new ApiFailure('TOO_LARGE', `${part.fieldname} is larger than ${options.limitBytes} bytes`);
      addField(fields, part.fieldname, String(part.value));
    }
  }
  return { fields, file };
}

function partsOf(request: FastifyRequest, limitBytes: number): AsyncIterable<Multipart> {
  const limits = {
    fieldSize: limitBytes,
    fileSize: limitBytes,
    files: API_LIMITS.multipartFields,
    fields: API_LIMITS.multipartFields,
    parts: API_LIMITS.multipartFields,
  };
  return request.parts({ limits });
}

/** What the multipart parser throws for input that is cut off or malformed has no status of its own. */
function multipartFailure(cause: unknown): unknown {
  if (cause instanceof ApiFailure || (cause instanceof Error && 'statusCode' in cause)) return cause;
  return new ApiFailure(
    'MALFORMED_BODY',
    `the form cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );
}
