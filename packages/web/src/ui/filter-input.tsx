import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Input } from './field.tsx';
import { useSettled } from './settled.ts';

/** The field that filters the list of its page: `/` goes there. Tells what is typed once it has settled; follows a value that is changed from elsewhere. */
export function FilterInput({
  label,
  value,
  onChange,
  className,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  className?: string;
}): ReactNode {
  const [text, setText] = useState(value);
  const told = useRef(value);
  const settled = useSettled(text.trim());
  useEffect(() => {
    if (settled === told.current) return;
    told.current = settled;
    onChange(settled);
    // Only what is typed is told, not each new `onChange`.
  }, [settled]);
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  return (
    <Input
      type="search"
      data-list-filter
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => setText(event.target.value)}
      {...(className === undefined ? {} : { className })}
    />
  );
}
