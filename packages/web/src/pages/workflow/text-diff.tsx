/** Two texts side by side, or one below the other on narrow windows, what is equal folded away; of two equal ones, the one. */
import { json } from '@codemirror/lang-json';
import { yaml } from '@codemirror/lang-yaml';
import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { EditorState, type Extension } from '@codemirror/state';
import { EditorView, lineNumbers } from '@codemirror/view';
import { useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { codeLook } from '../editor/code-look.ts';
import { codePhrases } from '../editor/code-phrases.ts';

const NARROW = '(max-width: 800px)';
const FOLD = { margin: 3, minSize: 6 };

export function TextDiff({
  before,
  after,
  format,
  label,
}: {
  before: string;
  after: string;
  format: 'yaml' | 'json';
  label: string;
}): ReactNode {
  const { i18n } = useTranslation();
  const isSame = before === after;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const parent = place.current!;
    const reading: Extension[] = [
      lineNumbers(),
      format === 'json' ? json() : yaml(),
      codeLook,
      codePhrases(i18n.language),
      EditorView.editable.of(false),
      EditorState.readOnly.of(true),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
    ];
    if (isSame || matchMedia(NARROW).matches) {
      const view = new EditorView({
        parent,
        doc: after,
        extensions: isSame
          ? reading
          : [reading, unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: FOLD })],
      });
      return () => view.destroy();
    }
    const view = new MergeView({
      parent,
      a: { doc: before, extensions: reading },
      b: { doc: after, extensions: reading },
      collapseUnchanged: FOLD,
    });
    return () => view.destroy();
  }, [before, after, format, label, i18n.language]);
  return <div ref={place} className="max-h-[65vh] overflow-auto rounded-lg border border-line" />;
}
