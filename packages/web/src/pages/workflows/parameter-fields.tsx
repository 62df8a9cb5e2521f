/** A field for each parameter that a workflow declares, and room for others. */
import type { ParameterDeclaration } from '@pelorus/protocol';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Field, Input, Select, TextArea } from '../../ui/field.tsx';
import { problemOf, readLines, type RunForm } from './run-request.ts';

interface Props {
  declared: Record<string, ParameterDeclaration>;
  form: Pick<RunForm, 'params' | 'more'>;
  onChange: (part: Partial<RunForm>) => void;
}

export function ParameterFields({ declared, form, onChange }: Props): ReactNode {
  const { t } = useTranslation('workflows');
  const wrongLine = readLines(form.more);
  return (
    <fieldset className="grid gap-3">
      <legend className="mb-2 font-semibold">{t('runDialog.parameters')}</legend>
      {Object.keys(declared).length === 0 && <p className="text-ink-2">{t('runDialog.noParameters')}</p>}
      {Object.entries(declared).map(([name, declaration]) => (
        <Parameter
          key={name}
          name={name}
          declaration={declaration}
          typed={form.params[name] ?? ''}
          onChange={(typed) => onChange({ params: { ...form.params, [name]: typed } })}
        />
      ))}
      <details open={form.more !== ''}>
        <summary className="cursor-pointer text-ink-2">{t('runDialog.more')}</summary>
        <Field
          className="mt-2"
          label={t('runDialog.more')}
          hint={t('runDialog.moreHint')}
          problem={typeof wrongLine === 'number' ? t('runDialog.moreWrong', { line: wrongLine }) : null}
        >
          <TextArea rows={2} value={form.more} onChange={(event) => onChange({ more: event.target.value })} />
        </Field>
      </details>
    </fieldset>
  );
}

function Parameter({
  name,
  declaration,
  typed,
  onChange,
}: {
  name: string;
  declaration: ParameterDeclaration;
  typed: string;
  onChange: (typed: string) => void;
}): ReactNode {
  const { t } = useTranslation('workflows');
  const problem = problemOf(declaration, typed);
  const byDefault = declaration.default === undefined ? null : String(declaration.default);
  const choices = declaration.enum?.map(String) ?? (declaration.type === 'boolean' ? ['true', 'false'] : null);
  const hint =
    choices !== null || byDefault === null || byDefault === ''
      ? declaration.type
      : `${declaration.type} · ${t('runDialog.byDefault', { value: byDefault })}`;
  return (
    <Field label={name} hint={hint} problem={problem === null ? null : t(`runDialog.${problem}`)}>
      {choices === null ? (
        <Input
          value={typed}
          placeholder={byDefault ?? ''}
          inputMode={declaration.type === 'integer' || declaration.type === 'number' ? 'decimal' : 'text'}
          required={problem === 'required'}
          onChange={(event) => onChange(event.target.value)}
        />
      ) : (
        <Select value={typed} onChange={(event) => onChange(event.target.value)}>
          <option value="">{byDefault === null ? '' : t('runDialog.unset', { value: byDefault })}</option>
          {choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </Select>
      )}
    </Field>
  );
}
