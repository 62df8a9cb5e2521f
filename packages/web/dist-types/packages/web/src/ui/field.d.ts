import {
  type InputHTMLAttributes,
  type ReactElement,
  type ReactNode,
  type Ref,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
} from 'react';
interface Described {
  id?: string;
  'aria-describedby'?: string;
  'aria-invalid'?: boolean;
}
/** A labelled control with its hint and its problem, tied together for readers of screens. */
export declare function Field({
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
}): ReactNode;
export declare function Input({
  className,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & {
  ref?: Ref<HTMLInputElement>;
}): ReactNode;
export declare function TextArea({
  className,
  ...rest
}: TextareaHTMLAttributes<HTMLTextAreaElement> & {
  ref?: Ref<HTMLTextAreaElement>;
}): ReactNode;
/** The browser's own list, which works with every keyboard and on every phone. */
export declare function Select({
  className,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> & {
  ref?: Ref<HTMLSelectElement>;
}): ReactNode;
export declare function Checkbox({
  label,
  className,
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, 'type'> & {
  label: string;
}): ReactNode;
export {};
