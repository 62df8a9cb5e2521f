import { useId, type ReactNode } from 'react';
import { Input } from './field.tsx';

const ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')];

/** The name of a time zone, typed or chosen; inside a `Field`. */
export function ZoneInput({
  value,
  onChange,
  ...described
}: {
  value: string;
  onChange: (zone: string) => void;
  placeholder?: string;
  id?: string;
  'aria-describedby'?: string;
  'aria-invalid'?: boolean;
}): ReactNode {
  const list = useId();
  return (
    <>
      <Input {...described} list={list} value={value} onChange={(event) => onChange(event.target.value)} />
      <datalist id={list}>
        {ZONES.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    </>
  );
}

/** Whether the browser knows a zone of this name. */
export function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '' && name !== '';
  } catch {
    return false;
  }
}
