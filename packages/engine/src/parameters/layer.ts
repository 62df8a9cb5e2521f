/** The parameters of one place (start, task, project, workflow), taken apart once. */
import type { ParameterDeclaration, ParameterValue } from '@pelorus/protocol';
import { isConstant, namesIn, parseTemplate, type Template } from './template.ts';
import { textOf } from './values.ts';

export interface ParameterSource {
  name: string;
  /** The value itself where nothing has to be resolved. */
  constant: string | null;
  template: Template | null;
  /** Names in the template. */
  refersTo: readonly string[];
}

/** Values must not change once seen here: they belong to pinned definitions and stored runs. */
const LAYERS = new WeakMap<object, ParameterSource[]>();

export function layerOf(values: Record<string, ParameterValue>): ParameterSource[] {
  let layer = LAYERS.get(values);
  if (!layer) {
    layer = Object.entries(values).map(([name, value]) => sourceOf(name, value));
    LAYERS.set(values, layer);
  }
  return layer;
}

/** The defaults that a workflow declares. */
export function defaultsOf(declarations: Record<string, ParameterDeclaration>): ParameterSource[] {
  let layer = LAYERS.get(declarations);
  if (!layer) {
    layer = Object.entries(declarations).flatMap(([name, { default: value }]) =>
      value === undefined ? [] : [sourceOf(name, value)],
    );
    LAYERS.set(declarations, layer);
  }
  return layer;
}

export function sourceOf(name: string, value: ParameterValue): ParameterSource {
  const text = textOf(value);
  if (!text.includes('$')) return constantSource(name, text);
  const template = parseTemplate(text, 'value');
  if (!isConstant(template)) return { name, constant: null, template, refersTo: namesIn(template) };
  return constantSource(name, template.parts.map((part) => (part.kind === 'text' ? part.text : '')).join(''));
}

/** A value that is never looked into, whatever it holds. */
export function constantSource(name: string, text: string): ParameterSource {
  return { name, constant: text, template: null, refersTo: [] };
}
