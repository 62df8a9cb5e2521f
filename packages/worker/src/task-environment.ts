/**
 * What a task may know of the environment: an allow-list of the host's variables, its parameters, what its definition
 * asks for, and the PELORUS_ variables. Never the service's own environment, which holds the store's password.
 */
import type { AttemptSpec } from '@pelorus/protocol';

const HOST_VARIABLES = /^(PATH|HOME|LANG|LC_[A-Z_]+|TZ|TMPDIR|USER|SHELL)$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Shells refuse to have these set, and end the script that tries. */
const SHELL_OWNED = new Set(['UID', 'EUID', 'PPID', 'GROUPS', 'BASHOPTS', 'SHELLOPTS', 'BASH_VERSINFO', 'BASHPID']);
/** One variable may not be longer on Linux (MAX_ARG_STRLEN), name, `=` and ending zero included. */
const VARIABLE_BYTES = 131_072;

export interface TaskPlace {
  workDir: string;
  outputFile: string;
}

/** The allowed part of an environment; the supervisor and everything below it are started with no more than this. */
export function hostEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const allowed: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && HOST_VARIABLES.test(name)) allowed[name] = value;
  }
  return allowed;
}

/**
 * The variables of one attempt beyond the host's. Parameters whose names are not variable names are left out (they reach
 * the task by substitution). `more` goes before both. Returns a sentence when a value cannot be an environment variable at all.
 */
export function attemptEnvironment(
  spec: AttemptSpec,
  place: TaskPlace,
  more: Record<string, string> = {},
): { variables: Record<string, string> } | { problem: string } {
  const variables: Record<string, string> = {
    ...spec.environment,
    ...spec.params,
    ...spec.env,
    ...more,
    ...attemptMarkers(spec, place),
  };
  for (const [name, value] of Object.entries(variables)) {
    if (!VARIABLE_NAME.test(name) || SHELL_OWNED.has(name)) {
      delete variables[name];
    } else if (value.includes('\0')) {
      return { problem: `the value of ${name} holds a zero byte, which no environment variable can` };
    } else if (name.length + Buffer.byteLength(value) + 2 > VARIABLE_BYTES) {
      return {
        problem: `the value of ${name} has ${Buffer.byteLength(value)} bytes; an environment variable holds at most ${VARIABLE_BYTES}`,
      };
    }
  }
  return { variables };
}

function attemptMarkers(spec: AttemptSpec, place: TaskPlace): Record<string, string> {
  return {
    PELORUS_ATTEMPT: spec.attempt,
    PELORUS_RUN_ID: spec.attempt.slice(0, spec.attempt.indexOf('.')),
    PELORUS_TASK: spec.task,
    PELORUS_WORKFLOW: spec.workflow,
    PELORUS_PROJECT: spec.project,
    PELORUS_LOGICAL_DATE: spec.logicalDate,
    PELORUS_OUTPUT: place.outputFile,
    PELORUS_WORK_DIR: place.workDir,
  };
}

/** Replaces the one built-in that only the worker knows. */
export function substituteWorkDir(text: string, workDir: string): string {
  return text.replaceAll('${system.task.execute.path}', workDir);
}
