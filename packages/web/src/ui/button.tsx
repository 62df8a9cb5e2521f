/** Buttons, and the look of links that are like them. */
import clsx from 'clsx';
import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: 'primary' | 'plain' | 'quiet' | 'danger';
  size?: 'small' | 'normal';
  /** Cannot be pressed and shows that something is under way. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

const KINDS = {
  primary: 'bg-accent text-accent-ink border-accent hover:brightness-110',
  plain: 'bg-surface text-ink border-line hover:bg-surface-3',
  quiet: 'bg-transparent text-ink border-transparent hover:bg-surface-3',
  danger: 'bg-surface text-bad border-bad hover:bg-bad-soft',
};

export function buttonClass(
  kind: NonNullable<ButtonProps['kind']> = 'plain',
  size: NonNullable<ButtonProps['size']> = 'normal',
): string {
  return clsx(
    'inline-flex items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap disabled:cursor-not-allowed disabled:opacity-55',
    size === 'small' ? 'min-h-7 px-2 text-xs' : 'min-h-9 px-3',
    KINDS[kind],
  );
}

export function Button({
  kind = 'plain',
  size = 'normal',
  busy = false,
  className,
  disabled,
  type = 'button',
  ...rest
}: ButtonProps): ReactNode {
  return (
    <button
      type={type}
      className={clsx(buttonClass(kind, size), className)}
      disabled={disabled === true || busy}
      aria-busy={busy || undefined}
      {...rest}
    />
  );
}

/** A button that shows an icon only; `label` is what it is called. */
export function IconButton({ label, ...rest }: Omit<ButtonProps, 'aria-label'> & { label: string }): ReactNode {
  return <Button kind="quiet" aria-label={label} title={label} {...rest} className={clsx('px-2', rest.className)} />;
}
