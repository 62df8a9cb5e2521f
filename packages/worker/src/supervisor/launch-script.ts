/**
 * The text that the slot shell sources in a subshell to become one task: redirect, change directory, export, exec.
 * Every value is quoted; nothing of the task's is ever parsed as shell here.
 *
 * Secrets are not in that text, which is a file: variables that hold one come over the shell's input ({@link PreparedLaunch}).
 * A shell's own text keeps referring to a secret by a variable; only where a text has no other way (python, `substitution: text`)
 * is the value in a file, readable by this user alone, which goes when the attempt ends.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import type { AttemptSpec, PythonAction, ShellAction } from '@pelorus/protocol';
import { literalEscaped } from '../secrets/forms.ts';
import {
  fillSecrets,
  fillValues,
  missingSecrets,
  namesSecret,
  secretNames,
  secretsOf,
} from '../secrets/placeholders.ts';
import { attemptEnvironment, substituteWorkDir, type TaskPlace } from '../task-environment.ts';
import { LINE_BREAK_VARIABLE, SECRETS_VARIABLE } from './slot-shell.ts';

export type ProcessAction = ShellAction | PythonAction;

const INLINE_SCRIPT_CHARACTERS = 4096;
const PROGRAMS = new Set(['sh', 'bash', 'dash', 'python', 'python3', 'node', 'java', 'perl', 'ruby', 'psql', 'curl']);
const POSIX_SHELLS = new Set(['sh', 'dash', 'bash', 'ksh', 'zsh']);

export interface PreparedLaunch {
  /** What the slot shell sources. `output` are the words that redirect descriptors 1 and 2. */
  launch: (output: string) => string;
  /** One line of shell that exports what holds a secret, for the shell's input; null when nothing does. */
  secretExports: string | null;
}

/** The script that a task's text is written to in its work directory. */
const SCRIPT_NAMES = { shell: '.pelorus-task.sh', python: '.pelorus-task.py' } as const;

/** Writes the task's script into the work directory if it has a text, and returns how to launch it, or why it cannot run. */
export function prepareLaunch(
  spec: AttemptSpec,
  action: ProcessAction,
  place: TaskPlace,
): PreparedLaunch | { problem: string } {
  const missing = missingSecrets(spec) ?? unfillable(action);
  if (missing !== null) return { problem: missing };
  const secrets = secretsOf(spec);
  const script = scriptVariables(action, secrets);
  const filled = { ...spec, params: fillValues(spec.params, secrets), env: fillValues(spec.env, secrets) };
  const environment = attemptEnvironment(filled, place, script.variables);
  if ('problem' in environment) return environment;
  const command = commandOf(script.action, place.workDir, spec);
  if (command === null) return { problem: 'the task has neither a text nor a file to run' };
  const named = { ...spec.params, ...spec.env };
  const isSecret = (name: string): boolean =>
    Object.hasOwn(script.variables, name) || (Object.hasOwn(named, name) && namesSecret(named[name] ?? ''));
  const variables = Object.entries(environment.variables);
  const secret = variables.filter(([name]) => isSecret(name));
  const launch = (output: string): string =>
    [
      // A log that cannot be written must not fail the task.
      'command exec 2>/dev/null',
      `command exec </dev/null ${output} || exec </dev/null >/dev/null 2>&1`,
      ...(secret.length > 0 ? [`eval "$${SECRETS_VARIABLE}"; unset ${SECRETS_VARIABLE} ${LINE_BREAK_VARIABLE}`] : []),
      ...variables.filter(([name]) => !isSecret(name)).map(([name, value]) => `export ${name}=${shellQuote(value)}`),
      `cd ${shellQuote(place.workDir)} || exit 126`,
      `exec ${command.map(shellQuote).join(' ')}`,
    ].join('\n') + '\n';
  return { launch, secretExports: secret.length > 0 ? exportLine(secret) : null };
}

/** Removes a script that may hold a secret. */
export function removeScripts(workDir: string): void {
  for (const name of Object.values(SCRIPT_NAMES)) rmSync(join(workDir, name), { force: true });
}

/** Words that send both outputs to a file. */
export function outputToFile(path: string): string {
  return `>>${shellQuote(path)} 2>&1`;
}

/**
 * Words that send both outputs to a named pipe that somebody reads. Opened for reading too: so the end of the reader neither ends
 * the task with SIGPIPE nor loses what is in the pipe before another one comes.
 */
export function outputToPipe(path: string): string {
  return `1<>${shellQuote(path)} 2>&1`;
}

/** A line break would end what the shell reads, so it comes from a variable. */
function exportLine(variables: [string, string][]): string {
  const words = variables.map(
    ([name, value]) => `${name}=${shellQuote(value).replaceAll('\n', `'"$${LINE_BREAK_VARIABLE}"'`)}`,
  );
  return `export ${words.join(' ')}`;
}

/**
 * In a shell's text `${secret.name}` becomes the expansion of a variable, so that, as with parameters, no value can become code. The
 * variables have names of their own because those of secrets need not be variable names.
 */
function scriptVariables(
  action: ProcessAction,
  secrets: Readonly<Record<string, string>>,
): { action: ProcessAction; variables: Record<string, string> } {
  const asVariables = action.type === 'shell' && action.substitution === 'env' && isPosixShell(action);
  if (action.run === null || !asVariables) return { action, variables: {} };
  const names = new Map(secretNames(action.run).map((name, index) => [name, secretVariable(name, index)]));
  const run = fillSecrets(action.run, secrets, (_value, name) => `\${${names.get(name) ?? ''}}`);
  const variables = Object.fromEntries([...names].map(([name, variable]) => [variable, secrets[name] ?? '']));
  return { action: { ...action, run }, variables };
}

/** What is no POSIX shell may read a value as code, and has no expansion that we know. */
function unfillable(action: ProcessAction): string | null {
  if (action.type !== 'shell' || action.substitution !== 'env' || isPosixShell(action)) return null;
  if (!namesSecret(action.run ?? '')) return null;
  return `a secret cannot be put into a text for ${action.shell}; give it to the task as a variable, in env`;
}

function secretVariable(name: string, index: number): string {
  return /^\w+$/.test(name) ? `PELORUS_SECRET_${name}` : `PELORUS_SECRET_${index}_${name.replaceAll(/\W/g, '_')}`;
}

/** The text of a script with the values of its secrets. In python they become escapes of its string literals. */
function withSecrets(action: ProcessAction, text: string, spec: AttemptSpec): string {
  const escaped = action.type === 'python' && action.substitution === 'env';
  return fillSecrets(text, secretsOf(spec), (value) => (escaped ? literalEscaped(value, 'python') : value));
}

/** Quotes a text as one word of POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** An interpreter may carry options (`python3 -u`); each word is quoted, so it cannot carry anything else. */
function interpreterWords(action: ProcessAction): string[] {
  const interpreter = action.type === 'shell' ? action.shell : action.interpreter;
  return interpreter.split(/\s+/).filter((word) => word !== '');
}

/** The words to execute. Null when the task has neither a text nor a file. */
function commandOf(action: ProcessAction, workDir: string, spec: AttemptSpec): string[] | null {
  const interpreter = interpreterWords(action);
  if (action.run === null) {
    if (action.file === null) return null;
    return [...interpreter, isAbsolute(action.file) ? action.file : `./${action.file}`];
  }
  const name = SCRIPT_NAMES[action.type];
  const text = substituteWorkDir(action.run, workDir);
  const holdsSecret = namesSecret(text);
  if (!holdsSecret && action.type === 'shell' && passesAsArgument(action, text)) {
    return plainCommand(interpreter, text) ?? [...interpreter, '-c', text, name];
  }
  const whole = holdsSecret ? withSecrets(action, text, spec) : text;
  writeFileSync(join(workDir, name), whole.endsWith('\n') ? whole : `${whole}\n`, holdsSecret ? { mode: 0o400 } : {});
  return [...interpreter, `./${name}`];
}

/**
 * A short script handed over with `-c` saves making a file, and shells run the last command of such a text in their own
 * place, which saves a fork: together a fifth of what a small task costs. Arguments can be seen by other users of the host,
 * so a text that values were put into goes through a file.
 */
function passesAsArgument(action: ShellAction, text: string): boolean {
  if (action.substitution !== 'env' || text.length > INLINE_SCRIPT_CHARACTERS || /^[-+]/.test(text)) return false;
  return isPosixShell(action);
}

function isPosixShell(action: ProcessAction): boolean {
  return POSIX_SHELLS.has(basename(interpreterWords(action)[0] ?? ''));
}

/**
 * A script that is one program with plain words, such as `python3 load.py --day 1`, needs no shell to read it, just as
 * make runs such lines itself. Only for programs that are no builtin of any shell, by name or by their path.
 */
function plainCommand(interpreter: string[], text: string): string[] | null {
  const line = text.trim();
  if (interpreter.length !== 1 || !/^[\w./:@%+,=-]+( +[\w./:@%+,=-]+)*$/.test(line)) return null;
  const words = line.split(/ +/);
  const program = words[0] ?? '';
  return PROGRAMS.has(program) || /^[\w.-]*\/[\w./-]*$/.test(program) ? words : null;
}
