/** The text of the definition, with what is wrong at its place. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, historyKeymap, indentWithTab } from '@codemirror/commands';
import { json } from '@codemirror/lang-json';
import { yaml } from '@codemirror/lang-yaml';
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language';
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import type { DefinitionProblem } from '@pelorus/protocol';
import { useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { codeLook } from './code-look.ts';
import { codePhrases } from './code-phrases.ts';
import { completeDefinition } from './completion.ts';
import type { DefinitionDocument } from './definition-document.ts';

export function CodePane({
  document,
  problems,
  warnings,
  readOnly,
  onCursor,
}: {
  document: DefinitionDocument;
  problems: readonly DefinitionProblem[];
  warnings: readonly DefinitionProblem[];
  readOnly: boolean;
  /** Where somebody put the cursor. */
  onCursor: (at: number) => void;
}): ReactNode {
  const { t, i18n } = useTranslation('editor');
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(onCursor);
  const named = useRef(new Compartment());
  const label = t('code');
  useEffect(() => {
    latest.current = onCursor;
  });
  useEffect(() => {
    const shown = document.show(place.current!, [
      lineNumbers(),
      foldGutter(),
      highlightActiveLineGutter(),
      highlightActiveLine(),
      drawSelection(),
      indentOnInput(),
      indentUnit.of('  '),
      EditorState.tabSize.of(2),
      bracketMatching(),
      closeBrackets(),
      autocompletion({ override: [completeDefinition] }),
      highlightSelectionMatches(),
      search({ top: true }),
      lintGutter(),
      document.format === 'json' ? json() : yaml(),
      codeLook,
      EditorView.theme({ '&': { height: '100%' }, '.cm-scroller': { overflow: 'auto' } }),
      keymap.of([
        ...closeBracketsKeymap,
        ...completionKeymap,
        ...defaultKeymap,
        ...historyKeymap,
        ...searchKeymap,
        ...foldKeymap,
        ...lintKeymap,
        indentWithTab,
      ]),
      EditorState.readOnly.of(readOnly),
      named.current.of([]),
      EditorView.updateListener.of((update) => {
        if (update.transactions.some((each) => each.isUserEvent('select')))
          latest.current(update.state.selection.main.head);
      }),
    ]);
    view.current = shown;
    return () => {
      document.hide();
      view.current = null;
    };
  }, [document, readOnly]);
  useEffect(() => {
    view.current?.dispatch({
      effects: named.current.reconfigure([
        EditorView.contentAttributes.of({ 'aria-label': label }),
        codePhrases(i18n.language),
      ]),
    });
  }, [label, i18n.language, document, readOnly]);
  useEffect(() => {
    const shown = view.current;
    if (shown === null) return;
    const found = [
      ...problems.map((problem) => diagnosticOf(shown.state, problem, 'error')),
      ...warnings.map((problem) => diagnosticOf(shown.state, problem, 'warning')),
    ].filter((each) => each !== null);
    shown.dispatch(setDiagnostics(shown.state, found));
  }, [problems, warnings, document, readOnly]);
  return <div ref={place} className="h-full min-h-0 overflow-hidden" />;
}

function diagnosticOf(
  state: EditorState,
  { line, column, message }: DefinitionProblem,
  severity: Diagnostic['severity'],
): Diagnostic | null {
  const at = placeIn(state, line, column);
  if (at === null) return null;
  const text = state.doc.lineAt(at);
  const word = /^[^\s,:\]}]+/.exec(text.text.slice(at - text.from))?.[0].length ?? 1;
  return { from: at, to: Math.min(text.to, at + word), severity, message };
}

/** Of a line and a column from 1; null: the text has no such line by now. */
function placeIn(state: EditorState, line: number | null, column: number | null): number | null {
  if (line === null || line < 1 || line > state.doc.lines) return null;
  const { from, to } = state.doc.line(line);
  return Math.min(to, from + Math.max(0, (column ?? 1) - 1));
}
