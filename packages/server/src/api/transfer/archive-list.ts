/**
 * The list in an exported zip: which workflows are in it, and under which names their parts are. Names in a zip cannot be all that
 * workflows and their files may be called (some machines know one letter in two sizes, or no long names), so the list counts.
 */
import secureJson from 'secure-json-parse';
import { z } from 'zod';
import { isSafeFileName } from '../definitions/parse-upload.ts';
import { API_LIMITS } from '../limits.ts';
import { ApiFailure } from '../problem.ts';
import { newName } from '../schemas.ts';

export const LIST_NAME = 'pelorus-export.json';
/** Its dot is in no workflow's name. */
export const PROJECT_FOLDER = 'project.files';

const entry = z.string().min(1).max(255);
const path = z.string().refine(isSafeFileName, 'must be a relative path without . and ..');

const listSchema = z.strictObject({
  kind: z.literal('pelorus-export'),
  version: z.literal(1),
  project: z.string(),
  workflows: z
    .array(
      z.strictObject({
        name: newName,
        /** The entry that holds its text, JSON when it ends so, else YAML. */
        definition: entry,
        files: z.array(z.strictObject({ name: path, entry })).max(API_LIMITS.filesPerWorkflow),
      }),
    )
    .max(API_LIMITS.importWorkflows),
  projectFiles: z.array(z.strictObject({ path, entry })).max(API_LIMITS.importEntries),
});

export type ArchiveList = z.output<typeof listSchema>;

/** Throws `MALFORMED_BODY` that names the place in the list. */
export function readArchiveList(bytes: Buffer): ArchiveList {
  if (bytes.length > API_LIMITS.importListBytes)
    throw wrong(`it has ${bytes.length} bytes, more than ${API_LIMITS.importListBytes}`);
  const parsed = listSchema.safeParse(parsedOf(bytes));
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw wrong(`/${first?.path.join('/') ?? ''}: ${first?.message ?? 'it is not such a list'}`);
}

function parsedOf(bytes: Buffer): unknown {
  try {
    return secureJson.parse(bytes.toString('utf8'), { protoAction: 'error', constructorAction: 'error' });
  } catch (cause) {
    throw wrong(`it is not acceptable JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function wrong(why: string): ApiFailure {
  return new ApiFailure('MALFORMED_BODY', `${LIST_NAME} of the zip cannot be used: ${why}`);
}
