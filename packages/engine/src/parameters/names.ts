/** Which names a parameter may have, and which are taken. */
import { PARAMETER_LIMITS } from './limits.ts';

/** As definitions take them (`PARAMETER_NAME_PATTERN` of the protocol), with a limit of its own. */
const NAME = /^[\p{L}_][\p{L}\p{M}\p{Nd}_.-]*$/u;

export function isParameterName(name: string): boolean {
  return name.length <= PARAMETER_LIMITS.nameChars && NAME.test(name);
}

/** Fixed for the run; nothing overrides them. The older names mean the same things. */
export const BUILT_INS = {
  'system.biz.date': 'biz-date',
  'system.biz.curdate': 'biz-curdate',
  'system.datetime': 'datetime',
  'system.project.name': 'project',
  'system.workflow.name': 'workflow',
  'system.workflow.instance.id': 'run',
  'system.task.name': 'task',
  'system.task.instance.id': 'attempt',
  'system.task.execute.path': 'path',
  'sf.system.bizdate': 'biz-date',
  'sf.system.bizcurdate': 'biz-curdate',
  'sf.system.cyctime': 'datetime',
  'sf.system.execId': 'run',
  'sf.system.jobId': 'attempt',
} as const;
export type BuiltInName = keyof typeof BUILT_INS;
export type BuiltIn = (typeof BUILT_INS)[BuiltInName];

/** Null where the name is not a built-in. */
export function builtInOf(name: string): BuiltIn | null {
  return Object.hasOwn(BUILT_INS, name) ? BUILT_INS[name as BuiltInName] : null;
}

export function isSecretName(name: string): boolean {
  return name.startsWith('secret.');
}

/** True of `system.…`, `sf.system.…` and `secret.…`: a person cannot give such a parameter. */
export function isReservedPrefix(name: string): boolean {
  return name.startsWith('system.') || name.startsWith('sf.system.') || name.startsWith('secret.');
}

const LOADER_NAMES = new Set([
  'PATH',
  'HOME',
  'IFS',
  'PS4',
  'BASH_ENV',
  'BASHOPTS',
  'SHELLOPTS',
  'PROMPT_COMMAND',
  'PERL5OPT',
  'PERL5LIB',
  'PERL5DB',
  'RUBYOPT',
  'RUBYLIB',
  'NODE_OPTIONS',
  'NODE_PATH',
  'JAVA_TOOL_OPTIONS',
  '_JAVA_OPTIONS',
  'JDK_JAVA_OPTIONS',
  'GCONV_PATH',
  'TRACEPARENT',
]);

/**
 * Environment variables that decide what a program loads or runs before the script's first line. As parameters they
 * would let an output or a start parameter run code, so only a task's own `env` may set them.
 */
export function isLoaderName(name: string): boolean {
  return LOADER_NAMES.has(name) || /^(LD_|DYLD_|PELORUS_|GIT_|BASH_FUNC_)/.test(name) || /^PYTHON[A-Z]/.test(name);
}

/** Null, or why nobody may give a parameter this name; completes "parameter `x` …". */
export function refusedName(name: string): string | null {
  if (!isParameterName(name))
    return `is not a name: a letter or _, then letters, digits, _ . -, at most ${PARAMETER_LIMITS.nameChars} characters`;
  if (isReservedPrefix(name)) return 'is a name of the system, which nothing overrides';
  if (isLoaderName(name)) return "decides what programs load; only a task's `env` may set it";
  return null;
}
