/**
 * The ledger: one file that every task of the storm appends to by itself, whatever Pelorus thinks of it. Each line is one `write` with
 * O_APPEND, so lines of all processes have one order, and that order (not a clock) says who lived when.
 *
 *   <word> <attempt> <execution> <microseconds> <detail>
 *
 * `start` and `end` are synchronised to the disk before the task goes on; `alive` and `child` (of a child that has left the session) come
 * every 0.3 s and are not.
 */
import { appendFileSync, closeSync, fdatasyncSync, openSync, readFileSync } from 'node:fs';

export type LedgerWord = 'start' | 'alive' | 'child' | 'end';

export interface LedgerLine {
  word: LedgerWord;
  /** `<run>.<task>.<n>`. */
  attempt: string;
  /** Of one process that was started for the attempt. */
  execution: string;
  atMs: number;
  detail: string;
}

export interface LedgerText {
  lines: LedgerLine[];
  /** Lines that are not as they must be; a process that is killed in the middle of a write leaves none on Linux. */
  torn: string[];
}

const LINE = /^(start|alive|child|end) (\d+\.\d+\.\d+) (\S+) (\d+) (\S+)$/;

export function parseLedger(text: string): LedgerText {
  const lines: LedgerLine[] = [];
  const torn: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, word, attempt, execution, micros, detail] = LINE.exec(line) ?? [];
    if (word === undefined) torn.push(line);
    else
      lines.push({
        word: word as LedgerWord,
        attempt: attempt!,
        execution: execution!,
        atMs: Number(micros) / 1000,
        detail: detail!,
      });
  }
  return { lines, torn };
}

export function readLedger(file: string): LedgerText {
  return parseLedger(readFileSync(file, 'utf8'));
}

/** For executions that the bed itself carries out: answers to HTTP tasks. */
export function appendToLedger(file: string, line: Omit<LedgerLine, 'atMs' | 'detail'>): void {
  appendFileSync(file, `${line.word} ${line.attempt} ${line.execution} ${Math.round(Date.now() * 1000)} -\n`);
  const descriptor = openSync(file, 'r');
  fdatasyncSync(descriptor);
  closeSync(descriptor);
}

/**
 * What goes before the text of a shell task (bash). `kept start` has been written by then; `rest 12` rests 1.2 s and shows that it
 * lives; `offspring` leaves a child that ignores SIGTERM in a session of its own; `done_with 3` writes the end and exits.
 */
export function shellPrelude(file: string): string {
  return `set -u
export ledger='${file}' x="$$-$EPOCHREALTIME-$RANDOM"
exec {pipe}<> <(:)
mark() { printf '%s %s %s %s %s\\n' "$1" "$PELORUS_ATTEMPT" "$x" "\${EPOCHREALTIME/[.,]/}" "\${2:--}" >> "$ledger"; }
kept() { mark "$@" && sync -d "$ledger"; }
rest() { local i; for ((i = 0; i < $1; i += 3)); do read -rt 0.3 -u "$pipe" || :; mark alive; done; }
offspring() {
  export -f mark
  setsid bash -c 'trap "" TERM; exec {pipe}<> <(:); while :; do read -rt 0.3 -u "$pipe" || :; mark child; done' &
}
done_with() { kept end "$1"; exit "$1"; }
kept start
`;
}

/** A \`script\` task that does the same; \`body\` may use \`mark(word, detail)\` and \`rest(ms)\`. */
export function scriptWithLedger(file: string, body: string): string {
  return `const fs = process.getBuiltinModule('node:fs');
const execution = process.pid + '-' + process.hrtime.bigint() + '-' + Math.random().toString(36).slice(2);
const mark = (word, detail = '-') => {
  const handle = fs.openSync(${JSON.stringify(file)}, 'a');
  fs.writeSync(handle, word + ' ' + ctx.params.attempt + ' ' + execution + ' ' + Date.now() * 1000 + ' ' + detail + '\\n');
  fs.fdatasyncSync(handle);
  fs.closeSync(handle);
};
const rest = async (ms) => {
  for (let i = 0; i < ms; i += 300) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    mark('alive');
  }
};
mark('start');
${body}
mark('end', '0');
`;
}
