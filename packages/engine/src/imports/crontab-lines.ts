/** The lines of a crontab, as crontab(5) reads them. Pure. */

export type CrontabLine =
  | { kind: 'blank' }
  | { kind: 'comment'; text: string }
  | { kind: 'variable'; name: string; value: string }
  | { kind: 'entry'; cron: string; user: string | null; command: string; stdin: string | null; isQuiet: boolean }
  /** It is none of these; `why` completes "it …". */
  | { kind: 'wrong'; why: string };

const VARIABLE = /^(?:"([^"]+)"|'([^']+)'|([A-Za-z_]\w*))\s*=\s*(.*)$/;

/** `hasUser`: as in /etc/crontab, a user stands before the command. */
export function readCrontabLine(text: string, hasUser: boolean): CrontabLine {
  const line = text.trim();
  if (line === '') return { kind: 'blank' };
  if (line.startsWith('#')) return { kind: 'comment', text: line.replace(/^#+\s?/, '') };
  const variable = VARIABLE.exec(line);
  if (variable !== null)
    return {
      kind: 'variable',
      name: variable[1] ?? variable[2] ?? variable[3] ?? '',
      value: unquoted(variable[4] ?? ''),
    };
  return readEntry(line, hasUser);
}

function unquoted(text: string): string {
  const value = text.trim();
  const quote = value.at(0);
  return value.length > 1 && (quote === '"' || quote === "'") && value.endsWith(quote) ? value.slice(1, -1) : value;
}

/** One word and the space behind it. */
const WORD = /^(\S+)(?:\s+|$)/;

function readEntry(line: string, hasUser: boolean): CrontabLine {
  // Some crons take a dash before the time for: do not log it.
  const isQuiet = /^-\S/.test(line);
  const { words, rest } = cutWords(isQuiet ? line.slice(1) : line, line.replace(/^-/, '').startsWith('@') ? 1 : 5);
  if (words.length < 5 && !words[0]?.startsWith('@')) return { kind: 'wrong', why: 'has fewer than five fields' };
  const cron = words.join(' ');
  const user = hasUser ? WORD.exec(rest) : null;
  if (hasUser && user === null) return { kind: 'wrong', why: 'names no user' };
  const written = user === null ? rest : rest.slice(user[0].length);
  if (written === '') return { kind: 'wrong', why: hasUser ? 'has no command behind the user' : 'has no command' };
  return { kind: 'entry', cron, user: user?.[1] ?? null, ...parted(written), isQuiet };
}

function cutWords(text: string, count: number): { words: string[]; rest: string } {
  const words: string[] = [];
  let rest = text;
  while (words.length < count) {
    const word = WORD.exec(rest);
    if (word === null) break;
    words.push(word[1] ?? '');
    rest = rest.slice(word[0].length);
  }
  return { words, rest };
}

/** What stands behind the first `%` is the command's input, each further one a line break; `\%` is a percent sign. */
function parted(written: string): { command: string; stdin: string | null } {
  const pieces = written.split(/(?<!\\)%/).map((piece) => piece.replaceAll('\\%', '%'));
  const [command = '', ...lines] = pieces;
  return { command, stdin: lines.length === 0 ? null : lines.join('\n') };
}

const FIELD_WORDS = /^(?:[\d*/,~?#LW-]|[A-Za-z]{3}(?=[-,/]|$))+$/i;
/** Users that crontabs of a system name. */
const SYSTEM_USERS = new Set([
  'root',
  'nobody',
  'daemon',
  'www-data',
  'postgres',
  'mysql',
  'apache',
  'nginx',
  'backup',
  'munin',
  'list',
  'mail',
  'news',
  'smmsp',
]);

/** Whether a text looks like /etc/crontab: its header says so, or every entry has the name of a system's user where one would stand. */
export function looksLikeSystemCrontab(text: string): boolean {
  const lines = text.split('\n').map((line) => line.trim());
  if (lines.some((line) => /^#.*\bdow\s+user(?:-name)?\b|^#\s*\*.*\buser-name\b/.test(line))) return true;
  const entries = lines.filter((line) => /^[-@\d*]/.test(line));
  return entries.length > 0 && entries.every((line) => SYSTEM_USERS.has(userPlace(line)));
}

function userPlace(line: string): string {
  const { words, rest } = cutWords(line.replace(/^-/, ''), line.replace(/^-/, '').startsWith('@') ? 1 : 5);
  return words[0]?.startsWith('@') || words.every((word) => FIELD_WORDS.test(word)) ? (WORD.exec(rest)?.[1] ?? '') : '';
}
