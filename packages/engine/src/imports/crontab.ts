/**
 * Crontabs as workflows: each entry becomes a workflow with one shell task and an offline schedule. A pure function of the text.
 * Names come from the command and a hash of it, so that an entry whose time changed, or before which others were put, is the same workflow
 * when the file is imported again.
 */
import { checkCron, isZone } from '../cron/index.ts';
import { escapeTemplate } from '../parameters/template.ts';
import { checkedWorkflow } from './checked-workflow.ts';
import { looksLikeSystemCrontab, readCrontabLine, type CrontabLine } from './crontab-lines.ts';
import { shown, storableText } from './foreign-json.ts';
import { asName, uniqueNames } from './names.ts';
import { ReportLog, type ImportedWorkflow, type ImportProblem, type ImportResult } from './report.ts';
import { isSecretKey } from './secrets.ts';

export interface CrontabOptions {
  /** As a person calls the file. */
  file: string;
  /** Null: the command says. */
  project: string | null;
  /** The zone in which times are meant where the file does not say (`CRON_TZ`). */
  timezone: string;
  /** Whether a user stands before the command, as in /etc/crontab; null: as the text looks. */
  hasUser: boolean | null;
}

const ENTRIES_MAX = 10_000;

/** Never throws. */
export function importCrontab(source: string, options: CrontabOptions): ImportResult {
  const text = storableText(source.replace(/^\u{feff}/u, '')).replaceAll('\r', '');
  const hasUser = options.hasUser ?? looksLikeSystemCrontab(text);
  const log = new ReportLog('');
  const lines = text.split('\n').map((line) => readCrontabLine(line, hasUser));
  if (hasUser) log.add('the user before each command', 'mapped', 'runAs', 'the file is read as one of the system');
  const jobs = readJobs(lines, options, log);
  if (jobs.length > ENTRIES_MAX)
    return refusal(options.file, `it has ${jobs.length} entries, at most ${ENTRIES_MAX} are taken`, log);
  const names = uniqueNames(
    jobs.map((job) => `${job.program}_${job.hash}`),
    'job',
  );
  const workflows: ImportedWorkflow[] = [];
  const problems: ImportProblem[] = [];
  for (const [index, job] of jobs.entries()) {
    const name = names[index] ?? 'job';
    const made = checkedWorkflow(definitionOf(job, name, options));
    if ('workflow' in made) workflows.push(made.workflow);
    else problems.push(...made.problems);
    log.add(job.item, job.why.length === 0 ? 'mapped' : 'changed', `workflow ${name}`, job.why.join('; ') || null);
  }
  if (jobs.length === 0)
    problems.push({ item: options.file, message: `${options.file} holds no entry that can be imported` });
  return { workflows, report: log.rows(), problems };
}

function refusal(file: string, message: string, log: ReportLog): ImportResult {
  return { workflows: [], report: log.rows(), problems: [{ item: file, message }] };
}

// ---- lines as jobs

type Entry = Extract<CrontabLine, { kind: 'entry' }>;

interface Job extends Entry {
  item: string;
  program: string;
  /** Of user and command. */
  hash: string;
  description: string;
  setting: Setting;
  why: string[];
}

/** What lines above an entry say; each line makes a new one. */
interface Setting {
  env: Readonly<Record<string, string>>;
  shell: string;
  timezone: string;
  /** Null: nobody. */
  mailTo: string[] | null;
}

function readJobs(lines: CrontabLine[], options: CrontabOptions, log: ReportLog): Job[] {
  const jobs: Job[] = [];
  let setting: Setting = { env: {}, shell: 'sh', timezone: options.timezone, mailTo: null };
  let comment: string[] = [];
  let comments = 0;
  for (const [index, line] of lines.entries()) {
    const at = `line ${index + 1}`;
    if (line.kind === 'comment') comments += 1;
    if (line.kind === 'variable') setting = withVariable(setting, line, at, log);
    if (line.kind === 'wrong') log.add(at, 'unsupported', null, `it ${line.why}`);
    if (line.kind === 'entry') {
      const job = jobOf(line, at, { setting, description: comment.join('\n'), log });
      if (job !== null) jobs.push(job);
    }
    comment = line.kind === 'comment' && isProse(line.text) ? [...comment, line.text] : [];
  }
  if (comments > 0)
    log.add(
      `${comments} ${comments === 1 ? 'comment' : 'comments'}`,
      'mapped',
      'description',
      'of the entry that follows',
    );
  return jobs;
}

/** No heading of columns, no drawing of them, and no entry that was commented out. */
function isProse(text: string): boolean {
  if (text === '' || /^[\s|.*-]|\bdow\b|^\s*min(?:ute)?s?\s+h/i.test(text)) return false;
  const line = readCrontabLine(text, false);
  return line.kind !== 'entry' || checkCron(line.cron) !== null;
}

function jobOf(
  entry: Entry,
  at: string,
  { setting, description, log }: { setting: Setting; description: string; log: ReportLog },
): Job | null {
  const item = `${at}: ${shown(`${entry.cron} ${entry.command}`, 70)}`;
  const wrong =
    entry.cron.toLowerCase() === '@reboot' ? 'there is no schedule for the start of a machine' : checkCron(entry.cron);
  if (wrong !== null) {
    log.add(item, 'unsupported', null, wrong);
    return null;
  }
  const why: string[] = [];
  if (entry.user !== null) why.push(`\`runAs: ${shown(entry.user)}\` is kept; tasks run as the user of their worker`);
  if (entry.stdin !== null) why.push('what stands behind `%` is its input, as a here-document');
  if (entry.isQuiet) why.push('the `-` before it (not to log) is left out');
  if (/\$\[[^\]]*[A-Za-z]/.test(entry.command)) why.push('`$[` in it is escaped as `$$[`');
  const hash = hashOf(`${entry.user ?? ''}\n${entry.command}\n${entry.stdin ?? ''}`);
  return { ...entry, item, program: programOf(entry.command), hash, description, setting, why };
}

const MAIL = /^[^\s@,<>]+@[^\s@,<>]+$/;
const NOT_SUPPORTED: Readonly<Record<string, string>> = {
  RANDOM_DELAY: 'schedules fire at their time',
  START_HOURS_RANGE: 'it belongs to anacron',
  MAILFROM: 'the sender is set with the mail server',
  CONTENT_TYPE: 'output is not mailed',
  CONTENT_TRANSFER_ENCODING: 'output is not mailed',
};

function withVariable(
  before: Setting,
  { name, value }: Extract<CrontabLine, { kind: 'variable' }>,
  at: string,
  log: ReportLog,
): Setting {
  const item = `${at}: ${shown(name)}`;
  const unsupported = (why: string): Setting => {
    log.add(item, 'unsupported', null, why);
    return before;
  };
  const known = NOT_SUPPORTED[name];
  if (known !== undefined) return unsupported(known);
  switch (name) {
    case 'SHELL':
      if (value === '' || /\s/.test(value)) return unsupported('it is no shell');
      log.add(item, 'mapped', `shell: ${shown(value)}`);
      return { ...before, shell: value === '/bin/sh' ? 'sh' : value };
    case 'CRON_TZ':
      if (!isZone(value)) return unsupported(`there is no time zone ${shown(value)}`);
      log.add(item, 'mapped', `schedule.timezone: ${value}`);
      return { ...before, timezone: value };
    case 'MAILTO':
      return withMail(before, value, item, log);
    default:
      return withEnv(before, name, value, { item, log, unsupported });
  }
}

function withMail(before: Setting, value: string, item: string, log: ReportLog): Setting {
  const addresses = [...new Set(value.split(',').map((part) => part.trim()))].filter((part) => part !== '');
  const mailTo = addresses.filter((part) => MAIL.test(part));
  const told = mailTo.length > 0 ? `notify: ${shown(mailTo.join(', '))}` : null;
  const local = addresses.filter((part) => !MAIL.test(part));
  if (addresses.length === 0) log.add(item, 'mapped', null, 'nobody is told');
  else if (local.length > 0)
    log.add(
      item,
      told === null ? 'unsupported' : 'changed',
      told,
      `${shown(local.join(', '))} is no address; output is in the log of the run`,
    );
  else log.add(item, 'changed', told, 'told when a run fails; output is in the log of the run');
  return { ...before, mailTo: mailTo.length > 0 ? mailTo : null };
}

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

function withEnv(
  before: Setting,
  name: string,
  value: string,
  { item, log, unsupported }: { item: string; log: ReportLog; unsupported: (why: string) => Setting },
): Setting {
  if (!VARIABLE_NAME.test(name) || name.startsWith('PELORUS_')) return unsupported('no variable can have this name');
  if (isSecretKey(name) && value !== '') {
    log.add(
      item,
      'changed',
      `env.${name}`,
      `secrets are not kept in definitions: make the secret ${name}, which it names now`,
    );
    return { ...before, env: { ...before.env, [name]: `\${secret.${name}}` } };
  }
  log.add(item, 'mapped', `env.${name}`);
  return { ...before, env: { ...before.env, [name]: escapeTemplate(value) } };
}

// ---- one job as a definition

/** cron lets a command run as long as it likes. */
const NO_TIMEOUT = { after: '366d', action: 'warn' };

function definitionOf(job: Job, name: string, { project, file }: CrontabOptions): Record<string, unknown> {
  const { env, shell, timezone, mailTo } = job.setting;
  return {
    name,
    ...(project === null ? {} : { project }),
    ...(job.description === '' ? {} : { description: job.description }),
    labels: { 'crontab.file': file.slice(0, 300), 'crontab.entry': job.hash },
    timeout: NO_TIMEOUT,
    // cron does not make up for what it missed.
    schedule: { cron: job.cron, timezone, misfire: 'skip' },
    ...(mailTo === null ? {} : { notify: { when: 'failure', to: mailTo } }),
    tasks: {
      [asName(job.program) || 'job']: {
        type: 'shell',
        shell,
        ...(job.user === null ? {} : { runAs: job.user }),
        ...(Object.keys(env).length === 0 ? {} : { env }),
        run: scriptOf(job),
      },
    },
  };
}

/** cron starts commands in the home directory. */
function scriptOf({ command, stdin }: Job): string {
  const escaped = (text: string): string => text.replaceAll('$[', '$$$$[');
  if (stdin === null) return `cd ~\n${escaped(command)}\n`;
  const text = stdin.endsWith('\n') || stdin === '' ? stdin : `${stdin}\n`;
  let mark = 'INPUT';
  while (text.split('\n').includes(mark)) mark += '_';
  return `cd ~\n{ ${escaped(command)}\n} <<'${mark}'\n${escaped(text)}${mark}\n`;
}

/** Words that stand before the program that an entry is about. */
const WRAPPERS = new Set(
  'cd test [ [[ export set sleep . source umask sudo env nice ionice nohup time timeout flock exec command chronic sh bash dash ksh zsh python python2 python3 perl php ruby node java'.split(
    ' ',
  ),
);
const SKIPPED_PARTS = new Set(['cd', 'test', '[', '[[', 'export', 'set', 'sleep', '.', 'source', 'umask']);

/** What an entry is best called by: `backup` for `cd /opt && /usr/local/bin/backup.sh --all`. */
function programOf(command: string): string {
  const parts = command.split(/&&|\|\||[;|]/).map((part) => part.replace(/^[\s(){}!]+/, '').split(/\s+/));
  const part = parts.find(([first = '']) => first !== '' && !SKIPPED_PARTS.has(first)) ?? parts[0] ?? [];
  const base = (programWord(part) ?? part[0] ?? '').replace(/["'`]/g, '').replace(/\/+$/, '').split('/').at(-1) ?? '';
  return (asName(base.replace(/(?<=.)\.[A-Za-z]{1,4}$/, '')) || 'job').slice(0, 40);
}

function programWord(words: string[]): string | null {
  let isLock = false;
  for (const word of words) {
    const base = word.split('/').at(-1) ?? '';
    // Options, numbers, redirections, and variables that are set for the command.
    if (/^[-<>&]|^\d+[smhd]?$|^[A-Za-z_]\w*=/.test(word) || WRAPPERS.has(base)) isLock ||= base === 'flock';
    else if (isLock) isLock = false;
    else return word;
  }
  return null;
}

/** FNV-1a, as eight hexadecimal digits: the same on every machine. */
function hashOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
