import type { ReactNode } from 'react';
/** The whole of a page or panel could not be had. */
export declare function ErrorState({ error, onRetry }: { error: Error; onRetry?: () => void }): ReactNode;
/** A form or an action was refused: all that is wrong, as the server says it. */
export declare function ProblemText({ error }: { error: Error }): ReactNode;
/** Says what to do where there is nothing yet. */
export declare function EmptyState({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}): ReactNode;
