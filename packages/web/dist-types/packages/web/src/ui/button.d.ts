import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react';
export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: 'primary' | 'plain' | 'quiet' | 'danger';
  size?: 'small' | 'normal';
  /** Cannot be pressed and shows that something is under way. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}
export declare function buttonClass(
  kind?: NonNullable<ButtonProps['kind']>,
  size?: NonNullable<ButtonProps['size']>,
): string;
export declare function Button({ kind, size, busy, className, disabled, type, ...rest }: ButtonProps): ReactNode;
/** A button that shows an icon only; `label` is what it is called. */
export declare function IconButton({
  label,
  ...rest
}: Omit<ButtonProps, 'aria-label'> & {
  label: string;
}): ReactNode;
