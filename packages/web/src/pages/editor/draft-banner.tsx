/** What was not saved last time is kept while one types, and offered when one comes back. */
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { relativeTime } from '../../ui/time.tsx';
import type { DefinitionDocument } from './definition-document.ts';
import { forgetDraft, readDraft, writeDraft, type Draft } from './drafts.ts';
import type { Base } from './use-saving.ts';

const TextDiff = lazy(async () => ({ default: (await import('../workflow/text-diff.tsx')).TextDiff }));
const KEEP_AFTER_MS = 400;

/** Keeps the text while it differs from what is saved; gives the draft of an earlier visit until it is taken or thrown away. */
export function useDraft(
  key: string,
  text: string,
  saved: string,
  tag: string | null,
): { draft: Draft | null; forget: () => void } {
  const [draft, setDraft] = useState(() => {
    const found = readDraft(key);
    return found === null || found.text === saved ? null : found;
  });
  useEffect(() => {
    // Until it is decided about, the earlier one is not written over by what was only opened.
    if (text === saved) {
      if (draft === null) forgetDraft(key);
      return undefined;
    }
    const timer = setTimeout(() => writeDraft(key, { text, tag, at: Date.now() }), KEEP_AFTER_MS);
    return () => clearTimeout(timer);
  }, [key, text, saved, tag, draft]);
  return { draft, forget: () => setDraft(null) };
}

export function DraftBanner({
  draft,
  base,
  document,
  onDone,
}: {
  draft: Draft;
  base: Base | null;
  document: DefinitionDocument;
  onDone: () => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  const [comparing, setComparing] = useState(false);
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-2 border-b border-line bg-warn-soft px-4 py-1.5 text-warn"
    >
      <span className="grow">
        {t('draft.found', { when: relativeTime(draft.at, Date.now()) })}
        {base !== null && draft.tag !== base.tag && ` ${t('draft.older')}`}
      </span>
      <Button size="small" onClick={() => setComparing(true)}>
        {t('draft.compare')}
      </Button>
      <Button
        size="small"
        onClick={() => {
          document.replace(draft.text);
          onDone();
        }}
      >
        {t('draft.restore')}
      </Button>
      <Button size="small" onClick={onDone}>
        {t('draft.discard')}
      </Button>
      {comparing && (
        <Dialog open size="wide" title={t('draft.compareTitle')} onClose={() => setComparing(false)}>
          <Suspense fallback={<Spinner />}>
            <TextDiff
              label={t('draft.compareTitle')}
              before={base?.source ?? ''}
              after={draft.text}
              format={document.format}
            />
          </Suspense>
        </Dialog>
      )}
    </div>
  );
}
