import type { ReactElement, ReactNode } from 'react';
/** A button with a list of actions behind it. With an icon and no text, `label` is its name. */
export declare function Menu({
  label,
  icon,
  text,
  children,
  trigger,
}: {
  label: string;
  icon?: ReactNode;
  text?: string;
  children: ReactNode;
  trigger?: ReactElement<Record<string, unknown>>;
}): ReactNode;
export declare function MenuItem({
  onClick,
  children,
  danger,
  disabled,
}: {
  onClick: () => void;
  children: ReactNode;
  danger?: boolean;
  disabled?: boolean;
}): ReactNode;
export declare function MenuSeparator(): ReactNode;
export declare function MenuRadio({
  value,
  onChange,
  choices,
}: {
  value: string;
  onChange: (value: string) => void;
  choices: {
    value: string;
    text: string;
  }[];
}): ReactNode;
