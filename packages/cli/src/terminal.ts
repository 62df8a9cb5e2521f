/** The two output streams as they are: whether somebody looks at them, how wide, and in colour or not. */
import type { Tone } from './words.ts';

export interface Stream {
  write(text: string): void;
  /** A person looks at it: colour, live redrawing and relative times are welcome. */
  isTerminal: boolean;
  /** Cells; 80 when unknown, which a terminal without a size says with 0. Read anew each time, for windows change. */
  columns(): number;
  rows(): number;
  colour: boolean;
}

export interface Terminal {
  out: Stream;
  err: Stream;
}

/** `colour` false: never, whatever the streams are. */
export function processTerminal(colour: boolean): Terminal {
  return { out: streamOf(process.stdout, colour), err: streamOf(process.stderr, colour) };
}

/**
 * A reader that went away (`| head`) is no failure, and there is nobody left to tell: the process ends with the code that it
 * has by then. To be called before anything is written, by whatever writes it.
 */
export function endWithoutReaders(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit();
    });
}

function streamOf(stream: NodeJS.WriteStream, colour: boolean): Stream {
  const isTerminal = 'isTTY' in stream && stream.isTTY;
  return {
    write: (text) => void stream.write(text),
    isTerminal,
    columns: () => stream.columns || 80,
    rows: () => stream.rows || 24,
    colour: isTerminal && colour,
  };
}

const CODES: Record<Tone | 'bold', string> = { good: '32', bad: '31', busy: '36', warn: '33', quiet: '90', bold: '1' };

/** `text` in the colour of a tone, or as it is where colour is not wanted. */
export function paint(stream: Pick<Stream, 'colour'>, tone: Tone | 'bold', text: string): string {
  return stream.colour ? `\x1b[${CODES[tone]}m${text}\x1b[0m` : text;
}
