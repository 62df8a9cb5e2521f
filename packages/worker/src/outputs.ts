/**
 * The values that an attempt hands on: lines of the file `$PELORUS_OUTPUT` (`name=value`, or `name<<END` … `END` for
 * values of several lines) and `${setValue(name=value)}` in its log. Later ones win over earlier ones, the file over the log.
 */
import type { AttemptSpec } from '@pelorus/protocol';

const OUTPUT_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
/** `#{…}` means the same: in double quotes a shell leaves it alone. */
const SET_VALUE = /[$#]\{setValue\(([A-Za-z_][A-Za-z0-9_.-]*)=(.*?)\)\}/g;
/** Of a longer log only the end is searched for `setValue`. */
export const LOG_SCAN_BYTES = 16 * 1024 * 1024;

export interface CollectedOutputs {
  outputs: Record<string, string>;
  outputsTruncated: boolean;
  /** Declared outputs whose value is not of the declared type. */
  problem: string | null;
}

/** Reads the text of an output file. Lines that are neither form, or whose name is not a name, are ignored. */
export function parseOutputFile(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split('\n');
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]?.replace(/\r$/, '') ?? '';
    const heredoc = /^([^=<\s]+)<<(\S+)$/.exec(line);
    const equals = line.indexOf('=');
    if (heredoc?.[1] && OUTPUT_NAME.test(heredoc[1])) {
      const end = lines.findIndex((candidate, at) => at > index && candidate.replace(/\r$/, '') === heredoc[2]);
      const until = end < 0 ? lines.length : end;
      outputs[heredoc[1]] = lines.slice(index + 1, until).join('\n');
      index = until;
    } else if (equals > 0 && OUTPUT_NAME.test(line.slice(0, equals).trim())) {
      outputs[line.slice(0, equals).trim()] = line.slice(equals + 1);
    }
  }
  return outputs;
}

/** The values that lines of a log set. */
export function parseSetValues(log: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  for (const match of log.matchAll(SET_VALUE)) if (match[1] !== undefined) outputs[match[1]] = match[2] ?? '';
  return outputs;
}

/** Gives a script's or query's returned object the text form that outputs have: JSON for objects, '' for null. */
export function outputsFromObject(value: unknown): Record<string, string> {
  const outputs: Record<string, string> = {};
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return outputs;
  for (const [name, one] of Object.entries(value)) if (one !== undefined) outputs[name] = outputText(one);
  return outputs;
}

/** One value as text. */
export function outputText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'bigint') return value.toString();
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner)) ?? '';
}

/**
 * Brings values to their declared types and within the limit: what does not fit is dropped, and said. `showable` takes out of a
 * value what a message may not show.
 */
export function settleOutputs(
  raw: Record<string, string>,
  declared: AttemptSpec['outputs'],
  limitBytes: number,
  showable: (text: string) => string = (text) => text,
): CollectedOutputs {
  const outputs: Record<string, string> = {};
  const problems: string[] = [];
  let outputsTruncated = false;
  let bytes = 0;
  for (const [name, text] of Object.entries(raw)) {
    const type = Object.hasOwn(declared, name) ? declared[name]?.type : undefined;
    const value = normaliseOutput(text, type);
    if (value === null) {
      problems.push(
        `output ${name} is declared ${type}, the task gave ${JSON.stringify(showable(text).slice(0, 100))}`,
      );
      continue;
    }
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    if (bytes > limitBytes) {
      outputsTruncated = true;
      bytes -= Buffer.byteLength(name) + Buffer.byteLength(value);
    } else {
      outputs[name] = value;
    }
  }
  return { outputs, outputsTruncated, problem: problems.length > 0 ? problems.join('; ') : null };
}

/** The canonical text of a value of that type, or null when it is none. */
function normaliseOutput(text: string, type: string | undefined): string | null {
  const trimmed = text.trim();
  switch (type) {
    case 'integer':
      return /^[+-]?\d+$/.test(trimmed) ? BigInt(trimmed.replace(/^\+/, '')).toString() : null;
    case 'number':
      return trimmed !== '' && Number.isFinite(Number(trimmed)) ? trimmed : null;
    case 'boolean':
      return /^(true|false)$/i.test(trimmed) ? trimmed.toLowerCase() : null;
    default:
      return text;
  }
}
