/** The log of the services in this process: NDJSON, or one readable line each for a person at a terminal. */
import { pino, type Logger } from 'pino';
import { paint, type Stream } from './terminal.ts';
import type { Tone } from './words.ts';

export interface ServiceLogOptions {
  level: string;
  format: 'pretty' | 'json';
  stream: Stream;
}

export function createServiceLog({ level, format, stream }: ServiceLogOptions): Logger {
  const write =
    format === 'json' ? (line: string) => stream.write(line) : (line: string) => stream.write(prettyLine(line, stream));
  return pino(
    {
      level,
      base: null,
      serializers: { error: pino.stdSerializers.err },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
}

const LEVEL_TONES: Record<string, Tone> = { warn: 'warn', error: 'bad', fatal: 'bad' };

/** `02:39:41 warn worker lost workerId=w-1`, from a line that pino wrote. */
function prettyLine(line: string, stream: Stream): string {
  const { level, time, msg, err, error, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const shown = Object.entries(fields).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const stack = stackOf(err ?? error);
  const head = paint(stream, LEVEL_TONES[String(level)] ?? 'quiet', `${String(time).slice(11, 19)} ${String(level)}`);
  return `${head} ${String(msg)}${shown.length === 0 ? '' : `  ${shown.join(' ')}`}${stack}\n`;
}

function stackOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'stack' in error ? `\n${String(error.stack)}` : '';
}
