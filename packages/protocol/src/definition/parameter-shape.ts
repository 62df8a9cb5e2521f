/** Parameters: values, and declarations at the workflow. */
import { LIMITS } from '../limits.ts';
import type { ParameterDeclaration, ParameterValue } from '../workflow.ts';
import { PARAMETER_NAME_EXPECTED, PARAMETER_NAME_PATTERN, wrongParameterName } from './names.ts';
import { called, inside, type Place } from './place.ts';
import type { ProblemLog } from './problem-log.ts';
import { isMap, mismatch, Overlay } from './members.ts';
import {
  boolean,
  defaulted,
  either,
  list,
  mapped,
  named,
  object,
  oneOf,
  optional,
  record,
  text,
  warnOfRewriting,
  type Shape,
} from './shape.ts';

export const VALUE_TYPES = ['string', 'integer', 'number', 'boolean'] as const;
type ValueType = (typeof VALUE_TYPES)[number];

/** `template`: whether the value may hold `${…}` and `$[…]`. */
function parameterValue(template: boolean): Shape<ParameterValue> {
  const words = text({ empty: true, maxBytes: LIMITS.parameterBytes, ...(template ? { template: 'value' } : {}) });
  const expected = 'text, a number, true or false';
  return {
    schema: { type: ['string', 'number', 'boolean'] },
    expected,
    read(value, place, log) {
      if (typeof value === 'string') return words.read(value, place, log);
      if (typeof value === 'boolean') return value;
      if (typeof value !== 'number' || !Number.isFinite(value))
        return mismatch(place, expected, value instanceof Overlay ? {} : value, log);
      warnOfRewriting(value, place, log);
      return value;
    },
  };
}

/** name → value. */
export function parameterValues(): Shape<Record<string, ParameterValue>> {
  return record(named('parameterValue', parameterValue(true)), {
    expected: 'a map of names to values',
    keyExpected: PARAMETER_NAME_EXPECTED,
    keyPattern: PARAMETER_NAME_PATTERN,
    checkKey: wrongParameterName,
  });
}

/** name → value or `{type, enum, default, required}`. */
export function parameterDeclarations(): Shape<Record<string, ParameterDeclaration>> {
  const short = mapped(parameterValue(true), (value): ParameterDeclaration => ({
    type: typeOf(value),
    default: value,
    required: false,
  }));
  const long = object(
    'a declaration',
    {
      type: optional(oneOf(VALUE_TYPES), 'What values are allowed; by default what `default` or `enum` hold, or text.'),
      enum: optional(
        list(parameterValue(false), { expected: 'a list of values', min: 1, unique: true, max: 1000 }),
        'The only values that are allowed.',
      ),
      default: optional(parameterValue(true), 'The value when none is given; may hold `${name}` and `$[…]`.'),
      required: defaulted(boolean(), false, 'A value must be given when the workflow is started.'),
    },
    (values, place, log) => declaration(values, place, log),
  );
  return record(
    named(
      'parameterDeclaration',
      either(short, long, (value) => isMap(value) || value instanceof Overlay),
    ),
    {
      expected: 'a map of names to values or declarations',
      keyExpected: PARAMETER_NAME_EXPECTED,
      keyPattern: PARAMETER_NAME_PATTERN,
      checkKey: wrongParameterName,
    },
  );
}

interface WrittenDeclaration {
  type: ValueType | null;
  enum: ParameterValue[] | null;
  default: ParameterValue | null;
  required: boolean;
}

function declaration(written: WrittenDeclaration, place: Place, log: ProblemLog): ParameterDeclaration | undefined {
  const type = written.type ?? inferredType(written);
  let good = true;
  const refuse = (at: Place, message: string): void => {
    log.problem(at, message);
    good = false;
  };
  for (const [index, value] of (written.enum ?? []).entries()) {
    if (!fits(value, type))
      refuse(inside(inside(place, 'enum'), index), `${JSON.stringify(value)} is not of the type \`${type}\``);
  }
  const value = written.default;
  if (value !== null && !isTemplate(value)) {
    const at = inside(place, 'default');
    if (!fits(value, type))
      refuse(at, `${called(at)} is ${JSON.stringify(value)}, which is not of the type \`${type}\``);
    else if (written.enum && !written.enum.includes(value))
      refuse(at, `${called(at)} is ${JSON.stringify(value)}, which is not one of \`enum\``);
  }
  if (!good) return undefined;
  if (written.required && value !== null)
    log.warning(place, `${called(place)} is required and has a default, which is never used`, 'key');
  return {
    type,
    ...(value === null ? {} : { default: value }),
    ...(written.enum === null ? {} : { enum: written.enum }),
    required: written.required,
  };
}

function inferredType(written: WrittenDeclaration): ValueType {
  const samples = [
    ...(written.enum ?? []),
    ...(written.default === null || isTemplate(written.default) ? [] : [written.default]),
  ];
  const types = new Set(samples.map(typeOf));
  if (types.size === 1) return typeOf(samples[0] ?? '');
  return types.size === 2 && types.has('integer') && types.has('number') ? 'number' : 'string';
}

function typeOf(value: ParameterValue): ValueType {
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value === 'boolean' ? 'boolean' : 'string';
}

function fits(value: ParameterValue, type: ValueType): boolean {
  return typeOf(value) === type || (type === 'number' && typeOf(value) === 'integer');
}

/** Values that are only known at run time. */
function isTemplate(value: ParameterValue): boolean {
  return typeof value === 'string' && /\$[{[]/.test(value);
}
