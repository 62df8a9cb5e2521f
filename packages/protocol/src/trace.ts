/**
 * Names of runs and attempts in distributed traces (W3C Trace Context): a run is a trace, an attempt a span below the run's.
 * They follow from what is stored of a run, so that any master, whenever it took the run over, makes the same ones.
 */
import type { AttemptKey, RunId } from './ids.ts';

/** Both are stored with the run; with the instant in it, runs of other installations get other traces. */
export interface TracedRun {
  id: RunId;
  /** Epoch ms. */
  submittedAt: number;
}

const TRACE_SEED = 0x70_65_6c_6f;
const RUN_SPAN_SEED = 0x72_75_6e;
const ATTEMPT_SPAN_SEED = 0x61_74_74;

/** 32 hexadecimal digits. */
export function traceIdOf(run: TracedRun): string {
  return hex(wordsOf(run), TRACE_SEED, 4);
}

/** Of the run itself, the root of its trace: 16 hexadecimal digits. */
export function runSpanIdOf(run: TracedRun): string {
  return hex(wordsOf(run), RUN_SPAN_SEED, 2);
}

/** 16 hexadecimal digits. */
export function attemptSpanIdOf(run: TracedRun, { task, n }: Pick<AttemptKey, 'task' | 'n'>): string {
  return hex([...wordsOf(run), task, n], ATTEMPT_SPAN_SEED, 2);
}

/** What a task finds in `TRACEPARENT`: whatever it traces belongs below its attempt. Version 00, sampled. */
export function traceparentOf(run: TracedRun, attempt: Pick<AttemptKey, 'task' | 'n'>): string {
  return `00-${traceIdOf(run)}-${attemptSpanIdOf(run, attempt)}-01`;
}

function wordsOf({ id, submittedAt }: TracedRun): number[] {
  return [low(id), high(id), low(submittedAt), high(submittedAt)];
}

function low(value: number): number {
  return value >>> 0;
}

function high(value: number): number {
  return Math.floor(value / 2 ** 32) >>> 0;
}

/** `count` words of 32 bits; never all zeros, which the standard calls invalid. */
function hex(words: readonly number[], seed: number, count: number): string {
  let text = '';
  for (let index = 0; index < count; index++)
    text += murmur3(words, (seed + index * 0x9e37_79b9) >>> 0)
      .toString(16)
      .padStart(8, '0');
  return /^0+$/.test(text) ? text.replace(/0$/, '1') : text;
}

/** MurmurHash3 of 32 bits: spreads well, and is no secret. */
function murmur3(words: readonly number[], seed: number): number {
  let hash = seed;
  for (const word of words) {
    let k = Math.imul(word, 0xcc9e_2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b87_3593);
    hash ^= k;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe654_6b64) | 0;
  }
  hash ^= words.length * 4;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
