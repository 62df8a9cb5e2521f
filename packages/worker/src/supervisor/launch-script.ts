/**
 * The text that the slot shell sources in a subshell to become one task: redirect, change directory, export, exec.
 * Every value is quoted; nothing of the task's is ever parsed as shell here.
 */
import { writeFileSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import type { AttemptSpec, PythonAction, ShellAction } from '@pelorus/protocol';
import { attemptEnvironment, substituteWorkDir, type TaskPlace } from '../task-environment.ts';

export type ProcessAction = ShellAction | PythonAction;

const INLINE_SCRIPT_CHARACTERS = 4096;
const PROGRAMS = new Set(['sh', 'bash', 'dash', 'python', 'python3', 'node', 'java', 'perl', 'ruby', 'psql', 'curl']);
const POSIX_SHELLS = new Set(['sh', 'dash', 'bash', 'ksh', 'zsh']);

/** Writes the task's script into the work directory if it has a text, and returns the launch text, or why it cannot run. */
export function prepareLaunch(
  spec: AttemptSpec,
  action: ProcessAction,
  place: TaskPlace,
  logPath: string,
): { launch: string } | { problem: string } {
  const environment = attemptEnvironment(spec, place);
  if ('problem' in environment) return environment;
  const command = commandOf(action, place.workDir);
  if (command === null) return { problem: 'the task has neither a text nor a file to run' };
  const log = shellQuote(logPath);
  const lines = [
    // A log that cannot be written must not fail the task.
    'command exec 2>/dev/null',
    `command exec </dev/null >>${log} 2>&1 || exec </dev/null >/dev/null 2>&1`,
    ...Object.entries(environment.variables).map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    `cd ${shellQuote(place.workDir)} || exit 126`,
    `exec ${command.map(shellQuote).join(' ')}`,
  ];
  return { launch: `${lines.join('\n')}\n` };
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
function commandOf(action: ProcessAction, workDir: string): string[] | null {
  const interpreter = interpreterWords(action);
  if (action.run === null) {
    if (action.file === null) return null;
    return [...interpreter, isAbsolute(action.file) ? action.file : `./${action.file}`];
  }
  const name = action.type === 'shell' ? '.pelorus-task.sh' : '.pelorus-task.py';
  const text = substituteWorkDir(action.run, workDir);
  if (action.type === 'shell' && passesAsArgument(action, interpreter, text)) {
    return plainCommand(interpreter, text) ?? [...interpreter, '-c', text, name];
  }
  writeFileSync(join(workDir, name), text.endsWith('\n') ? text : `${text}\n`);
  return [...interpreter, `./${name}`];
}

/**
 * A short script handed over with `-c` saves making a file, and shells run the last command of such a text in their own
 * place, which saves a fork: together a fifth of what a small task costs. Arguments can be seen by other users of the host,
 * so a text that values were put into goes through a file.
 */
function passesAsArgument(action: ShellAction, interpreter: string[], text: string): boolean {
  if (action.substitution !== 'env' || text.length > INLINE_SCRIPT_CHARACTERS || /^[-+]/.test(text)) return false;
  return POSIX_SHELLS.has(basename(interpreter[0] ?? ''));
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
