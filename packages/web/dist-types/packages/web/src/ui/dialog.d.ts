import { type ReactNode } from 'react';
export interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  description?: ReactNode;
  children?: ReactNode;
  /** Buttons at its end. */
  footer?: ReactNode;
  size?: 'normal' | 'wide';
}
export declare function Dialog({ open, onClose, title, description, children, footer, size }: DialogProps): ReactNode;
/** Asks before something is done that cannot be undone; stays open and says why when it is refused. */
export declare function ConfirmDialog({
  open,
  onClose,
  title,
  children,
  confirm,
  danger,
  onConfirm,
}: {
  open: boolean;
  onClose: () => void;
  title: string;
  children?: ReactNode;
  confirm: string;
  danger?: boolean;
  onConfirm: () => Promise<unknown>;
}): ReactNode;
