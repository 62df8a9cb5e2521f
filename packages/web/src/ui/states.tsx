/** What stands where there is nothing, not yet, or no more. */
import { ApiError } from '@pelorus/sdk';
import clsx from 'clsx';
import { CircleAlert, Inbox, Lock, SearchX } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, buttonClass } from './button.tsx';
import { errorSentence } from './error-words.ts';
import { sentenceCase } from './phrase-words.ts';
import { useProblemWords } from './problem-words.ts';

/** The whole of a page or panel could not be had. */
export function ErrorState({ error, onRetry }: { error: Error; onRetry?: () => void }): ReactNode {
  const { t } = useTranslation();
  const status = error instanceof ApiError ? error.status : null;
  const [Icon, title, hint] =
    status === 404
      ? [SearchX, t('problem.notFound'), t('problem.notFoundHint')]
      : status === 403
        ? [Lock, t('problem.forbidden'), t('problem.forbiddenHint')]
        : [CircleAlert, t('problem.title'), status === 0 ? t('problem.unreachable') : null];
  return (
    <div role="alert" className="grid justify-items-center gap-2 p-10 text-center">
      <Icon className="size-8 text-ink-3" aria-hidden />
      <h2 className="text-lg font-semibold">{title}</h2>
      {hint && <p className="text-ink-2">{hint}</p>}
      <p className="max-w-prose text-xs break-words text-ink-2">
        {[errorSentence(error), sentenceCase(error.message)].filter(Boolean).join(' ')}
      </p>
      {status === 404 || status === 403 ? (
        <a href="/" className={buttonClass()}>
          {t('nav.home')}
        </a>
      ) : (
        onRetry && <Button onClick={onRetry}>{t('action.retry')}</Button>
      )}
    </div>
  );
}

/** A form or an action was refused: all that is wrong, as the server says it. */
export function ProblemText({ error }: { error: Error }): ReactNode {
  const words = useProblemWords();
  const errors = error instanceof ApiError ? error.errors : [];
  const sentence = errorSentence(error);
  // Of several problems the message is the first ones together; they follow, each by itself.
  const message = errors.length > 1 ? (sentence === null ? error.message : null) : words(error.message);
  return (
    <div role="alert" className="rounded-md border border-bad bg-bad-soft px-3 py-2 text-bad">
      {sentence !== null && <p className="font-medium">{sentence}</p>}
      {message !== null && (
        <p className={clsx('break-words', sentence !== null && 'text-xs')}>{sentenceCase(message)}</p>
      )}
      {errors.length > 1 && (
        <ul className="mt-1 list-disc ps-5">
          {errors.slice(0, 20).map(({ pointer, message }) => (
            <li key={`${pointer} ${message}`}>{words(message)}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** Says what to do where there is nothing yet. */
export function EmptyState({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}): ReactNode {
  return (
    <div className="grid justify-items-center gap-2 p-10 text-center">
      <Inbox className="size-8 text-ink-3" aria-hidden />
      <h2 className="text-base font-semibold">{title}</h2>
      {children && <div className="max-w-prose text-ink-2">{children}</div>}
      {action}
    </div>
  );
}
