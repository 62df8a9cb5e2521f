/** One key of a definition in a form. `undefined` means that it is not written, so that the default holds. */
import { Plus, X } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { parse, stringify } from 'yaml';
import { Button, IconButton } from '../../../ui/button.tsx';
import { Checkbox, Field, Input, Select, TextArea } from '../../../ui/field.tsx';
import { isRecord } from '../text/yaml-edit.ts';
import type { Plain } from '../text/yaml-place.ts';
import { useCommitted } from './commit.ts';
import { hintOf, labelOf } from './field-words.ts';
import type { FormField, SchemaBook } from './schema.ts';

export interface FieldProps {
  book: SchemaBook;
  field: FormField;
  value: Plain | undefined;
  problem?: string | null;
  /** `path` leads further down from the key. */
  onChange: (path: readonly (string | number)[], value: Plain | undefined) => void;
}

export function SchemaField(props: FieldProps): ReactNode {
  const { field, value, onChange } = props;
  const { control } = field;
  if (control.kind === 'switch') return <Switch {...props} />;
  if (control.kind === 'choice') return <Choice {...props} values={control.values} />;
  if (control.kind === 'members') return <Members {...props} keys={control.keys} />;
  if (control.kind === 'pairs' && (value === undefined || isRecord(value))) return <Pairs {...props} />;
  if (control.kind === 'rows' && (value === undefined || Array.isArray(value)))
    return <Rows {...props} keys={control.keys} />;
  if (control.kind === 'names' && isNames(value)) return <Names {...props} />;
  if (control.kind === 'script' && (value === undefined || typeof value === 'string')) return <Script {...props} />;
  if (
    (control.kind === 'text' || control.kind === 'number') &&
    (value === undefined || value === null || typeof value !== 'object')
  )
    return (
      <Text
        {...props}
        onText={(typed) =>
          onChange(
            [],
            typed === '' ? undefined : scalarOf(typed, value, control.kind === 'number' || isDuration(field)),
          )
        }
      />
    );
  return <Yaml {...props} />;
}

function useFrame({ field, problem }: FieldProps): { label: string; hint?: string; problem?: string | null } {
  const { t, i18n } = useTranslation('editor');
  const hint = hintOf(field, i18n.language === 'zh');
  return { label: labelOf(t, field.key), ...(hint === null ? {} : { hint }), ...(problem ? { problem } : {}) };
}

function useDefaultText({ byDefault }: FormField): string {
  const { t } = useTranslation('editor');
  const isShown = byDefault !== undefined && byDefault !== null && typeof byDefault !== 'object' && byDefault !== '';
  return isShown ? t('byDefault', { value: String(byDefault) }) : '';
}

function Switch(props: FieldProps): ReactNode {
  const { label, hint } = useFrame(props);
  return (
    <div title={hint}>
      <Checkbox
        label={label}
        checked={props.value === true}
        onChange={(event) =>
          props.onChange([], event.target.checked ? true : props.field.byDefault === true ? false : undefined)
        }
      />
    </div>
  );
}

function Choice(props: FieldProps & { values: readonly string[] }): ReactNode {
  const { t } = useTranslation('editor');
  const { value, values, onChange } = props;
  const byDefault = useDefaultText(props.field);
  const now = value === undefined || value === null ? '' : typeof value === 'object' ? '?' : String(value);
  return (
    <Field {...useFrame(props)}>
      <Select value={now} onChange={(event) => onChange([], event.target.value || undefined)}>
        <option value="">{byDefault || t('none')}</option>
        {now !== '' && !values.includes(now) && <option>{now}</option>}
        {values.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </Select>
    </Field>
  );
}

function Text({ onText, ...props }: FieldProps & { onText: (typed: string) => void }): ReactNode {
  const { value, field } = props;
  const committed = useCommitted(value === undefined || value === null ? '' : inlineText(value), onText);
  const byDefault = useDefaultText(field);
  return (
    <Field {...useFrame(props)}>
      <Input
        {...committed}
        placeholder={byDefault}
        spellCheck={false}
        inputMode={field.control.kind === 'number' ? 'decimal' : 'text'}
      />
    </Field>
  );
}

function Script(props: FieldProps): ReactNode {
  const text = typeof props.value === 'string' ? props.value : '';
  const committed = useCommitted(text, (typed) => props.onChange([], typed === '' ? undefined : typed), {
    lines: true,
  });
  return (
    <Field {...useFrame(props)} className="sm:col-span-2">
      <TextArea
        {...committed}
        rows={Math.min(14, Math.max(3, committed.value.split('\n').length + 1))}
        spellCheck={false}
      />
    </Field>
  );
}

function Names(props: FieldProps): ReactNode {
  const { t } = useTranslation('editor');
  const { value, onChange } = props;
  const list = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
  const committed = useCommitted(list.map(String).join(', '), (typed) => {
    const names = typed
      .split(/[,，]/)
      .map((each) => each.trim())
      .filter(Boolean);
    const items = names.map((each) =>
      list.some((one) => typeof one === 'number') || /^\d+$/.test(each) ? numberOr(each) : each,
    );
    onChange(
      [],
      items.length === 0 ? undefined : typeof value === 'string' && items.length === 1 ? (items[0] ?? null) : items,
    );
  });
  return (
    <Field {...useFrame(props)}>
      <Input {...committed} placeholder={t('commas')} spellCheck={false} />
    </Field>
  );
}

function Members({
  keys,
  ...props
}: FieldProps & { keys: Readonly<Record<string, Readonly<Record<string, unknown>>>> }): ReactNode {
  const { label, hint, problem } = useFrame(props);
  const { book, value, onChange } = props;
  const members = isRecord(value) ? value : {};
  return (
    <fieldset className="grid gap-2 rounded-md border border-line p-3 sm:col-span-2 sm:grid-cols-2" title={hint}>
      <legend className="px-1 text-sm font-medium">{label}</legend>
      {Object.entries(keys).map(([key, schema]) => (
        <SchemaField
          key={key}
          book={book}
          field={book.field(key, schema, members[key])}
          value={members[key]}
          onChange={(path, next) => onChange([key, ...path], next)}
        />
      ))}
      {problem && <p className="text-xs text-bad">{problem}</p>}
    </fieldset>
  );
}

function Pairs(props: FieldProps): ReactNode {
  const { t } = useTranslation('editor');
  const { label, hint } = useFrame(props);
  const { value, onChange } = props;
  const members = isRecord(value) ? value : {};
  const [adding, setAdding] = useState(false);
  return (
    <fieldset className="grid content-start gap-1 sm:col-span-2" title={hint}>
      <legend className="mb-1 text-sm font-medium">{label}</legend>
      {Object.entries(members).map(([name, member]) => (
        <PairRow
          key={name}
          name={name}
          value={member}
          onValue={(next) => onChange([name], next)}
          onRemove={() => onChange([name], undefined)}
        />
      ))}
      {adding && (
        <NewPair
          onDone={(name, next) => {
            setAdding(false);
            if (name !== '' && !(name in members)) onChange([name], next);
          }}
        />
      )}
      <Button
        size="small"
        kind="quiet"
        className="justify-self-start"
        onClick={() => setAdding(true)}
        disabled={adding}
        aria-label={`${label}: ${t('addRow')}`}
      >
        <Plus className="size-3.5" aria-hidden /> {t('addRow')}
      </Button>
    </fieldset>
  );
}

function PairRow({
  name,
  value,
  onValue,
  onRemove,
}: {
  name: string;
  value: Plain;
  onValue: (value: Plain) => void;
  onRemove: () => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  const committed = useCommitted(inlineText(value), (typed) => onValue(inlineValue(typed, value)), { lines: false });
  return (
    <div className="grid grid-cols-[minmax(0,2fr)_minmax(0,3fr)_auto] items-center gap-1">
      <code className="truncate rounded bg-surface-2 px-2 py-1.5 text-xs" title={name}>
        {name}
      </code>
      <Input {...committed} aria-label={name} spellCheck={false} />
      <IconButton size="small" label={t('removeRow', { name })} onClick={onRemove}>
        <X className="size-3.5" aria-hidden />
      </IconButton>
    </div>
  );
}

function NewPair({ onDone }: { onDone: (name: string, value: Plain) => void }): ReactNode {
  const { t } = useTranslation('editor');
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const done = (): void => onDone(name.trim(), inlineValue(value, ''));
  return (
    <div
      className="grid grid-cols-[minmax(0,2fr)_minmax(0,3fr)_auto] gap-1"
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && done()}
      onKeyDown={(event) => event.key === 'Enter' && (event.preventDefault(), done())}
    >
      <Input
        autoFocus
        aria-label={t('key')}
        placeholder={t('key')}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Input
        aria-label={t('value')}
        placeholder={t('value')}
        value={value}
        onChange={(event) => setValue(event.target.value)}
      />
      <span className="w-8" />
    </div>
  );
}

function Rows({
  keys,
  ...props
}: FieldProps & { keys: Readonly<Record<string, Readonly<Record<string, unknown>>>> }): ReactNode {
  const { t } = useTranslation('editor');
  const { label, hint } = useFrame(props);
  const { book, value, onChange } = props;
  const rows = Array.isArray(value) ? value : [];
  return (
    <fieldset className="grid gap-2 sm:col-span-2" title={hint}>
      <legend className="mb-1 text-sm font-medium">{label}</legend>
      {rows.map((row, index) => {
        const members = isRecord(row) ? row : {};
        return (
          // A row is known by its position: it has no other name.
          <div key={index} className="grid grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto] items-end gap-2">
            {Object.entries(keys).map(([key, schema]) => (
              <SchemaField
                key={key}
                book={book}
                field={{ ...book.field(key, schema, members[key]), hint: null }}
                value={members[key]}
                onChange={(path, next) => onChange([index, key, ...path], next)}
              />
            ))}
            <IconButton
              size="small"
              label={t('removeRow', { name: String(index + 1) })}
              onClick={() => onChange([index], undefined)}
            >
              <X className="size-3.5" aria-hidden />
            </IconButton>
          </div>
        );
      })}
      <Button
        size="small"
        kind="quiet"
        className="justify-self-start"
        aria-label={`${label}: ${t('addRow')}`}
        onClick={() => onChange([], [...rows, Object.fromEntries(Object.keys(keys).map((key) => [key, '']))])}
      >
        <Plus className="size-3.5" aria-hidden /> {t('addRow')}
      </Button>
    </fieldset>
  );
}

function Yaml(props: FieldProps): ReactNode {
  const { t } = useTranslation('editor');
  const [wrong, setWrong] = useState<string | null>(null);
  const { value, onChange } = props;
  const text = value === undefined ? '' : stringify(value, { lineWidth: 0 }).trimEnd();
  const committed = useCommitted(
    text,
    (typed) => {
      if (typed.trim() === '') {
        setWrong(null);
        return onChange([], undefined);
      }
      try {
        const next = parse(typed) as Plain;
        setWrong(null);
        if (JSON.stringify(next) !== JSON.stringify(value)) onChange([], next);
      } catch (error) {
        setWrong(
          t('wrongYaml', { message: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) }),
        );
      }
    },
    { lines: true },
  );
  const frame = useFrame(props);
  return (
    <Field
      {...frame}
      label={`${frame.label} (${t('asYaml')})`}
      problem={wrong ?? frame.problem ?? null}
      className="sm:col-span-2"
    >
      <TextArea
        {...committed}
        rows={Math.min(10, Math.max(2, committed.value.split('\n').length))}
        className="min-h-12!"
        spellCheck={false}
      />
    </Field>
  );
}

function isNames(value: Plain | undefined): boolean {
  return (
    value === undefined ||
    value === null ||
    typeof value !== 'object' ||
    (Array.isArray(value) && value.every((each) => typeof each !== 'object'))
  );
}

/** `10` of a duration is a number of seconds. */
function isDuration({ schema }: FormField): boolean {
  return JSON.stringify(schema).includes('"integer"');
}

function scalarOf(typed: string, before: Plain | undefined, mayBeNumber: boolean): Plain {
  if ((mayBeNumber || typeof before === 'number') && /^[-+]?\d+(?:\.\d+)?$/.test(typed.trim())) return Number(typed);
  return typed;
}

function numberOr(text: string): number | string {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

function inlineText(value: Plain): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return String(value);
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}

/** As YAML would read it, but a text stays one. */
function inlineValue(typed: string, before: Plain): Plain {
  if (typeof before === 'string' && before !== '') return typed;
  try {
    const value = parse(typed) as Plain;
    return value === null || (typeof value !== 'object' && typeof value !== 'number' && typeof value !== 'boolean')
      ? typed
      : value;
  } catch {
    return typed;
  }
}
