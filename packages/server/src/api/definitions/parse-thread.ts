/** The thread that reads large definitions: one request in, one answer out. */
import { parentPort } from 'node:worker_threads';
import { API_LIMITS } from '../limits.ts';
import type { ThreadAnswer, ThreadRequest } from './definition-parser.ts';
import { parseUpload, splitText, type Upload } from './parse-upload.ts';

parentPort?.on('message', (request: ThreadRequest) => {
  parentPort?.postMessage(request.kind === 'split' ? splitText(request) : answerOf(request));
});

function answerOf(upload: Upload): ThreadAnswer {
  const parsed = parseUpload(upload);
  if (!parsed.ok) return parsed;
  const {
    definition: { tasks, ...head },
    ...rest
  } = parsed;
  const pieces = Array.from({ length: Math.ceil(tasks.length / API_LIMITS.itemsPerSlice) }, (_, piece) =>
    JSON.stringify(tasks.slice(piece * API_LIMITS.itemsPerSlice, (piece + 1) * API_LIMITS.itemsPerSlice)),
  );
  return { ...rest, headJson: JSON.stringify(head), taskJsons: pieces };
}
