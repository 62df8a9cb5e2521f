/**
 * `script` attempts: a function body or a module with a default export. The process may serve many attempts one after the
 * other, so a body is compiled once, and a module, which Node never forgets, is counted.
 */
import { isAbsolute, join } from 'node:path';
import { stripTypeScriptTypes } from 'node:module';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';
import type { ScriptAction } from '@pelorus/protocol';
import { substituteWorkDir } from '../task-environment.ts';
import type { CallContext } from './call-context.ts';
import { invalidTask } from './task-failure.ts';

/** What a script gets. */
export interface ScriptContext {
  params: Record<string, string>;
  /** May be filled instead of, or besides, returning an object. */
  outputs: Record<string, unknown>;
  log: (...values: unknown[]) => void;
  signal: AbortSignal;
  readonly workDir: string;
}

type ScriptFunction = (context: ScriptContext) => unknown;

const COMPILED_MAX = 512;
const compiled = new Map<string, ScriptFunction>();
/** Modules loaded from files; each stays in memory for the life of the process. */
let modulesLoaded = 0;
const MODULES_MAX = 200;

const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => ScriptFunction;

/** Runs the script; resolves with its outputs: what it put into `ctx.outputs`, overlaid by the object it returned. */
export async function runScript(call: CallContext, action: ScriptAction): Promise<Record<string, unknown>> {
  const script = action.run !== null ? compileBody(textOf(call, action.run)) : await loadModule(call, action.file);
  const context: ScriptContext = {
    params: { ...call.spec.params },
    outputs: {},
    log: (...values) => call.log.line(format(...values)),
    signal: call.signal,
    get workDir() {
      return call.workDir;
    },
  };
  const restore = applyEnvironment(call.spec.env);
  try {
    const returned = await script(context);
    return returned !== null && typeof returned === 'object' ? { ...context.outputs, ...returned } : context.outputs;
  } finally {
    restore();
  }
}

/** True when this process has loaded so many modules that a fresh one should take its place. */
export function scriptsWearOut(): boolean {
  return modulesLoaded >= MODULES_MAX;
}

function textOf(call: CallContext, text: string): string {
  return text.includes('${system.task.execute.path}') ? substituteWorkDir(text, call.workDir) : text;
}

function compileBody(body: string): ScriptFunction {
  const known = compiled.get(body);
  if (known) return known;
  const script = compileText(body);
  if (compiled.size >= COMPILED_MAX) compiled.delete(compiled.keys().next().value ?? '');
  compiled.set(body, script);
  return script;
}

function compileText(body: string): ScriptFunction {
  try {
    return new AsyncFunction('ctx', body);
  } catch (plain) {
    try {
      return new AsyncFunction(
        'ctx',
        `return (${stripTypeScriptTypes(`async function run(ctx: any) {\n${body}\n}`)})(ctx)`,
      );
    } catch {
      throw invalidTask(`the script cannot be compiled: ${(plain as Error).message}`);
    }
  }
}

async function loadModule(call: CallContext, file: string | null): Promise<ScriptFunction> {
  if (file === null) throw invalidTask('the task has neither a text nor a file to run');
  modulesLoaded += 1;
  const path = isAbsolute(file) ? file : join(call.workDir, file);
  const module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  if (typeof module.default !== 'function') throw invalidTask(`${file} has no default export that is a function`);
  return module.default as ScriptFunction;
}

/** Sets the definition's variables for the time of the call; returns what puts the old ones back. */
function applyEnvironment(variables: Record<string, string>): () => void {
  const names = Object.keys(variables);
  if (names.length === 0) return () => {};
  const before = names.map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}
