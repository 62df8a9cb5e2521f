import clsx from 'clsx';
import {
  cloneElement,
  useId,
  type InputHTMLAttributes,
  type ReactElement,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
} from 'react';

const BOX =
  'w-full rounded-md border border-line-strong bg-surface px-2.5 py-1.5 text-ink placeholder:text-ink-3 disabled:opacity-60 aria-invalid:border-bad';

/** The button of a field that takes a file. */
const FILE = 'file:me-3 file:rounded file:border-0 file:bg-surface-3 file:px-2 file:py-0.5 file:font-medium';

interface Described {
  id?: string;
  'aria-describedby'?: string;
  'aria-invalid'?: boolean;
}

/** A labelled control with its hint and its problem, tied together for readers of screens. */
export function Field({
  label,
  hint,
  problem,
  children,
  className,
}: {
  label: string;
  hint?: ReactNode;
  problem?: string | null;
  children: ReactElement<Described>;
  className?: string;
}): ReactNode {
  const id = useId();
  const described = [hint === undefined ? null : `${id}-hint`, problem ? `${id}-problem` : null]
    .filter(Boolean)
    .join(' ');
  return (
    <div className={clsx('grid content-start gap-1', className)}>
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      {cloneElement(children, {
        id,
        ...(described === '' ? {} : { 'aria-describedby': described }),
        ...(problem ? { 'aria-invalid': true } : {}),
      })}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="text-xs text-ink-2">
          {hint}
        </p>
      )}
      {problem && (
        <p id={`${id}-problem`} className="text-xs text-bad">
          {problem}
        </p>
      )}
    </div>
  );
}

export function Input({
  className,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }): ReactNode {
  return <input className={clsx(BOX, FILE, 'min-h-9', className)} {...rest} />;
}

export function TextArea({
  className,
  ...rest
}: TextareaHTMLAttributes<HTMLTextAreaElement> & { ref?: Ref<HTMLTextAreaElement> }): ReactNode {
  return <textarea className={clsx(BOX, 'min-h-24 font-mono text-xs', className)} {...rest} />;
}

/** The browser's own list, which works with every keyboard and on every phone. */
export function Select({
  className,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> & { ref?: Ref<HTMLSelectElement> }): ReactNode {
  return <select className={clsx(BOX, 'min-h-9', className)} {...rest} />;
}

export function Checkbox({
  label,
  className,
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, 'type'> & { label: string }): ReactNode {
  return (
    <label className={clsx('inline-flex min-h-7 items-center gap-2', className)}>
      <input type="checkbox" className="size-4 accent-accent" {...rest} />
      <span>{label}</span>
    </label>
  );
}
