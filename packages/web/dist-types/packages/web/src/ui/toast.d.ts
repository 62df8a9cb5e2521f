import type { ReactNode } from 'react';
export interface News {
  kind?: 'ok' | 'bad';
  title: string;
  detail?: string;
  /** Such as undoing what was done. */
  action?: {
    text: string;
    run: () => void;
  };
}
export declare function toast({ kind, title, detail, action }: News): void;
/** What went wrong with an action that has no form of its own to say it in. */
export declare function toastProblem(title: string, error: unknown): void;
export declare function Toasts({ children }: { children: ReactNode }): ReactNode;
