/** Which controls a key of the published JSON Schema gets. Nothing here knows a task type: types that the schema gains are offered as they are. */
import type { Plain } from '../text/yaml-place.ts';

export type Schema = { readonly [key: string]: unknown };

export type Control =
  | { kind: 'choice'; values: readonly string[] }
  | { kind: 'switch' }
  | { kind: 'number' }
  | { kind: 'text' }
  | { kind: 'script' }
  | { kind: 'names' }
  | { kind: 'pairs' }
  | { kind: 'members'; keys: Readonly<Record<string, Schema>> }
  | { kind: 'rows'; keys: Readonly<Record<string, Schema>> }
  | { kind: 'yaml' };

export interface FormField {
  key: string;
  schema: Schema;
  control: Control;
  hint: string | null;
  byDefault: Plain | undefined;
}

export class SchemaBook {
  private readonly root: Schema;
  private readonly definitions: Readonly<Record<string, Schema>>;

  constructor(root: Schema) {
    this.root = root;
    this.definitions = (root['$defs'] ?? {}) as Record<string, Schema>;
  }

  get types(): string[] {
    return Object.keys(this.definitions)
      .filter((name) => name.endsWith('Keys'))
      .map((name) => name.slice(0, -'Keys'.length));
  }

  descriptionOf(type: string): string {
    const text = this.definitions[`${type}Keys`]?.['description'];
    return typeof text === 'string' ? text : '';
  }

  /** Keys of the workflow itself. */
  workflowFields(): FormField[] {
    const keys = propertiesOf(this.root);
    return Object.keys(keys)
      .filter((key) => key !== 'tasks')
      .map((key) => this.field(key, keys[key] ?? {}, undefined));
  }

  /** Of a task of that type; `own`: what no other type has. */
  taskFields(type: string, value: Readonly<Record<string, Plain>>): { own: FormField[]; common: FormField[] } {
    const keys = propertiesOf(this.definitions[`${type}Keys`] ?? this.definitions['virtualKeys'] ?? {});
    const common = propertiesOf(this.definitions['virtualKeys'] ?? {});
    const fields = Object.keys(keys)
      .filter((key) => key !== 'type' && key !== 'needs')
      .map((key) => this.field(key, keys[key] ?? {}, value[key]));
    return {
      own: fields.filter(({ key }) => !(key in common)),
      common: fields.filter(({ key }) => key in common),
    };
  }

  field(key: string, schema: Schema, value: Plain | undefined): FormField {
    const hint = schema['description'];
    return {
      key,
      schema,
      control: this.control(key, schema, value),
      hint: typeof hint === 'string' ? hint : null,
      byDefault: schema['default'] as Plain | undefined,
    };
  }

  private control(key: string, written: Schema, value: Plain | undefined): Control {
    const schema = this.resolved(written);
    const { type } = schema;
    const words = schema['enum'];
    if (Array.isArray(words)) return { kind: 'choice', values: words.map(String) };
    if (type === 'boolean') return { kind: 'switch' };
    if (type === 'integer' || type === 'number') return { kind: 'number' };
    if (Array.isArray(type)) return { kind: 'text' };
    if (type === 'string') return { kind: key === 'run' ? 'script' : 'text' };
    const choices = schema['anyOf'];
    if (Array.isArray(choices))
      return this.choiceOf(
        choices.map((each) => this.resolved(each as Schema)),
        value,
      );
    if (type === 'array') return this.listOf(this.resolved((schema['items'] ?? {}) as Schema), schema);
    if (type === 'object') {
      const keys = propertiesOf(schema);
      if (Object.keys(keys).length > 0) return { kind: 'members', keys };
      return { kind: 'pairs' };
    }
    return { kind: 'yaml' };
  }

  private choiceOf(choices: Schema[], value: Plain | undefined): Control {
    if (choices.some((each) => each['type'] === 'array')) return { kind: 'names' };
    const isScalar = value === undefined || value === null || typeof value !== 'object';
    const hasScalar = choices.some(
      (each) => each['type'] === 'string' || Array.isArray(each['anyOf']) || Array.isArray(each['enum']),
    );
    if (isScalar && hasScalar) return { kind: 'text' };
    const map = choices.find((each) => Object.keys(propertiesOf(each)).length > 0);
    if (!isScalar && hasScalar && map) return { kind: 'members', keys: propertiesOf(map) };
    return { kind: 'yaml' };
  }

  private listOf(items: Schema, list: Schema): Control {
    if (items['type'] === 'string' || items['type'] === 'integer')
      return list['uniqueItems'] === true ? { kind: 'names' } : { kind: 'yaml' };
    const keys = propertiesOf(items);
    return Object.keys(keys).length > 0 ? { kind: 'rows', keys } : { kind: 'yaml' };
  }

  private resolved(schema: Schema): Schema {
    const reference = schema['$ref'];
    if (typeof reference !== 'string') return schema;
    return this.definitions[reference.replace('#/$defs/', '')] ?? schema;
  }
}

function propertiesOf(schema: Schema): Record<string, Schema> {
  return (schema['properties'] ?? {}) as Record<string, Schema>;
}
