/** Terminal colours in a line of a log, as classes of ours: a log can colour its text, and nothing else. Other control sequences are left out. */

export interface Run {
  text: string;
  /** Empty for plain text. */
  className: string;
}

interface Pen {
  colour: number | null;
  background: number | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
}

const PLAIN: Pen = {
  colour: null,
  background: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
};

/** black red green yellow blue magenta cyan white */
const COLOURS = [
  'text-ink-3',
  'text-bad',
  'text-ok',
  'text-warn',
  'text-run',
  'text-hold',
  'text-accent',
  'text-ink',
] as const;
const BACKGROUNDS = [
  'bg-surface-3',
  'bg-bad-soft',
  'bg-ok-soft',
  'bg-warn-soft',
  'bg-run-soft',
  'bg-hold-soft',
  'bg-accent-soft',
  'bg-surface-2',
] as const;

// CSI sequences; OSC sequences such as links; single escapes; other control characters but the tab.
const CONTROL =
  /\u001b\[([0-9;:]*)([A-Za-z])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b.|[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** The pieces of a line, each of one look. Of a line that overwrites itself by carriage returns, what is seen at the end. */
export function parseAnsi(line: string): Run[] {
  const shown = lastOverwritten(line);
  if (!HAS_CONTROL.test(shown)) return shown === '' ? [] : [{ text: shown, className: '' }];
  const runs: Run[] = [];
  let pen = PLAIN;
  let from = 0;
  const push = (text: string): void => {
    if (text !== '') runs.push({ text, className: classOf(pen) });
  };
  for (const match of shown.matchAll(CONTROL)) {
    push(shown.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === 'm') pen = penAfter(pen, match[1] ?? '');
  }
  push(shown.slice(from));
  return runs;
}

/** The text alone. */
export function plainText(line: string): string {
  return lastOverwritten(line).replace(CONTROL, '');
}

const HAS_CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/;

function lastOverwritten(line: string): string {
  if (!line.includes('\r')) return line;
  return line.replace(/\r+$/, '').split('\r').at(-1) ?? '';
}

function penAfter(pen: Pen, codes: string): Pen {
  const list = codes.split(/[;:]/).map(Number);
  let next = { ...pen };
  for (let i = 0; i < list.length; i++) {
    const code = list[i]!;
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code >= 30 && code <= 37) next.colour = code - 30;
    else if (code >= 90 && code <= 97) next.colour = code - 90;
    else if (code === 39) next.colour = null;
    else if (code >= 40 && code <= 47) next.background = code - 40;
    else if (code >= 100 && code <= 107) next.background = code - 100;
    else if (code === 49) next.background = null;
    else if (code === 38 || code === 48) {
      const { colour, taken } = extended(list.slice(i + 1));
      if (code === 38) next.colour = colour;
      else next.background = colour;
      i += taken;
    }
  }
  return next;
}

/** `5;n` of 256 colours, or `2;r;g;b`: the nearest of the eight. */
function extended([kind, ...values]: number[]): { colour: number | null; taken: number } {
  if (kind === 2) return { colour: nearest(values[0] ?? 0, values[1] ?? 0, values[2] ?? 0), taken: 4 };
  if (kind !== 5) return { colour: null, taken: 1 };
  const n = values[0] ?? 0;
  if (n < 16) return { colour: n % 8, taken: 2 };
  if (n >= 232) return { colour: n < 244 ? 0 : 7, taken: 2 };
  const level = (value: number): number => (value % 6) * 51;
  const cube = n - 16;
  return { colour: nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6)), level(cube)), taken: 2 };
}

/** Each part is on when it is at least half of the strongest. */
function nearest(red: number, green: number, blue: number): number {
  const strongest = Math.max(red, green, blue);
  if (strongest < 64) return 0;
  const on = (value: number): number => (value * 2 >= strongest ? 1 : 0);
  return on(red) + on(green) * 2 + on(blue) * 4;
}

function classOf(pen: Pen): string {
  const classes: string[] = [];
  if (pen.inverse) classes.push('bg-ink', 'text-surface');
  else {
    if (pen.colour !== null) classes.push(COLOURS[pen.colour]!);
    if (pen.background !== null) classes.push(BACKGROUNDS[pen.background]!);
  }
  if (pen.bold) classes.push('font-bold');
  if (pen.dim && pen.colour === null) classes.push('text-ink-3');
  if (pen.italic) classes.push('italic');
  if (pen.underline) classes.push('underline');
  return classes.join(' ');
}

export type Level = 'bad' | 'warn' | 'faint' | 'gap';

const GAP = /^--- .*missing.* ---$/;
const BAD =
  /\b(?:ERROR|FATAL|CRITICAL|SEVERE|PANIC)\b|^(?:\w+\.)*\w*(?:Error|Exception)\b|^Traceback \(|^error\b|\[error\]|level=(?:error|fatal)/;
const WARN = /\bWARN(?:ING)?\b|^warning\b|\[warn(?:ing)?\]|level=warn/;
const FAINT = /\b(?:DEBUG|TRACE)\b|level=(?:debug|trace)/;

/** How a line is meant, by the words that loggers use. */
export function levelOf(text: string): Level | null {
  const head = text.length > 300 ? text.slice(0, 300) : text;
  if (GAP.test(head)) return 'gap';
  if (BAD.test(head)) return 'bad';
  if (WARN.test(head)) return 'warn';
  return FAINT.test(head) ? 'faint' : null;
}
