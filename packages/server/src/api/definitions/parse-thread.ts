/** The thread that reads large definitions: one upload in, one answer out. */
import { parentPort } from 'node:worker_threads';
import type { ThreadAnswer } from './definition-parser.ts';
import { parseUpload, type Upload } from './parse-upload.ts';

parentPort?.on('message', (upload: Upload) => {
  parentPort?.postMessage(answerOf(upload));
});

function answerOf(upload: Upload): ThreadAnswer {
  const parsed = parseUpload(upload);
  if (!parsed.ok) return parsed;
  const { definition, ...rest } = parsed;
  return { ...rest, definitionJson: JSON.stringify(definition) };
}
