/** Which names are allowed where, and the shapes that are made of names alone. */
import type { Place } from './place.ts';
import { either, list, mapped, text, type Shape } from './shape.ts';

/** Names of workflows, projects and tasks: a letter of any script or `_`, then letters, digits, `_`, `-`; at most 63. */
export const NAME_PATTERN = '^[\\p{L}_][\\p{L}\\p{M}\\p{Nd}_-]{0,62}$';
export const NAME_EXPECTED =
  'a name of letters, digits, `_` and `-` that begins with a letter or `_` (at most 63 characters)';
/** Parameters and outputs may hold dots as well. */
export const PARAMETER_NAME_PATTERN = '^[\\p{L}_][\\p{L}\\p{M}\\p{Nd}_.-]{0,62}$';
export const PARAMETER_NAME_EXPECTED =
  'a parameter name: letters, digits, `_`, `-`, `.`, beginning with a letter or `_` (at most 63 characters)';
export const VARIABLE_NAME_PATTERN = '^[A-Za-z_][A-Za-z0-9_]{0,127}$';
export const LABEL_NAME_PATTERN = '^[\\p{L}\\p{Nd}_][\\p{L}\\p{M}\\p{Nd}_./-]{0,62}$';
export const HEADER_NAME_PATTERN = "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$";
const WORKFLOW_REFERENCE_PATTERN = `${NAME_PATTERN.slice(0, -1)}(?:/${NAME_PATTERN.slice(1, -1)})?$`;
const NOT_A_RELATIVE_PATH = /^[/\\]|^[A-Za-z]:|\\/;
const RESERVED_PARAMETER = /^(?:sf\.)?system\.|^secret\./;

/** A task named by another one, and where it was named. */
export interface TaskReference {
  name: string;
  place: Place;
}

export function name(): Shape<string> {
  return text({ pattern: NAME_PATTERN, expected: NAME_EXPECTED });
}

export function taskReference(): Shape<TaskReference> {
  return mapped(text({ expected: 'the name of a task', maxBytes: 1000 }), (named, place) => ({ name: named, place }));
}

export function taskReferences(): Shape<TaskReference[]> {
  return list(taskReference(), { expected: 'a list of task names', unique: true });
}

/** `goto: a` or `goto: [a, b]`. */
export function oneOrMoreTasks(): Shape<TaskReference[]> {
  return either(
    mapped(taskReference(), (one) => [one]),
    taskReferences(),
    Array.isArray,
  );
}

/** `name` or `project/name`. */
export function workflowReference(): Shape<string> {
  return text({ pattern: WORKFLOW_REFERENCE_PATTERN, expected: 'a workflow as `name` or `project/name`' });
}

/** The path of a file beside the workflow, below it, with `/` between its parts. */
export function fileName(): Shape<string> {
  return text({ expected: 'the path of a file', maxBytes: 1000, check: wrongFileName });
}

function wrongFileName(path: string): string | null {
  if (NOT_A_RELATIVE_PATH.test(path))
    return `is \`${path}\`; a file is named by a relative path with \`/\` between its parts`;
  const parts = path.split('/');
  if (parts.includes('..')) return `is \`${path}\`; a path must not contain \`..\``;
  return parts.some((part) => part === '' || part === '.')
    ? `is \`${path}\`; a path must have no empty or \`.\` parts`
    : null;
}

export function wrongParameterName(parameter: string): string | null {
  return RESERVED_PARAMETER.test(parameter)
    ? 'is reserved: names that begin with `system.`, `sf.system.` or `secret.` are given by Pelorus'
    : null;
}

export function wrongVariableName(variable: string): string | null {
  return variable.startsWith('PELORUS_')
    ? 'is reserved: variables that begin with `PELORUS_` are set by Pelorus'
    : null;
}

/** Several names are written with commas between them where a worker is started, so that no name may hold one. */
export const WORKER_GROUP_PATTERN = '^[\\p{L}\\p{N}_][\\p{L}\\p{N}\\p{M}._-]{0,62}$';
