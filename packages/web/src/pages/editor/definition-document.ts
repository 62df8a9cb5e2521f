/**
 * The text of a definition while it is edited. Owns the text, its history and, while one is shown, the view of it. Every change, from the canvas, a form or the keyboard, is a transaction
 * here, so undo and redo know all of them, in their order, also when no text is shown.
 */
import { history, isolateHistory, redo, redoDepth, undo, undoDepth } from '@codemirror/commands';
import {
  ChangeSet,
  EditorState,
  StateEffect,
  type Extension,
  type Transaction,
  type TransactionSpec,
} from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import type { Steps } from './text/task-edits.ts';

export interface DocumentPicture {
  text: string;
  canUndo: boolean;
  canRedo: boolean;
}

export class DefinitionDocument {
  picture: DocumentPicture;
  readonly format: 'yaml' | 'json';
  /** Windows' line breaks are put back when it is saved. */
  private readonly hasCrlf: boolean;
  private current: EditorState;
  private view: EditorView | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(text: string, format: 'yaml' | 'json') {
    this.format = format;
    this.hasCrlf = /\r\n/.test(text) && !/[^\r]\n/.test(text);
    this.current = EditorState.create({ doc: text, extensions: [history()] });
    this.picture = this.pictureNow();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** As it is stored. */
  get stored(): string {
    const { text } = this.picture;
    return this.hasCrlf ? text.replaceAll('\n', '\r\n') : text;
  }

  /** Shows it; until the answer is called. The history goes on. */
  show(parent: HTMLElement, extensions: Extension): EditorView {
    this.current = this.current.update({ effects: StateEffect.reconfigure.of([history(), extensions]) }).state;
    const view = new EditorView({
      parent,
      state: this.current,
      dispatchTransactions: (transactions) => {
        view.update(transactions);
        this.accept(view.state);
      },
    });
    this.view = view;
    return view;
  }

  hide(): void {
    this.view?.destroy();
    this.view = null;
  }

  /** What was done on the canvas or in a form: one step of the history. */
  apply(steps: Steps): void {
    let changes = ChangeSet.empty(this.current.doc.length);
    for (const edits of steps) changes = changes.compose(ChangeSet.of(edits, changes.newLength));
    if (!changes.empty) this.dispatch({ changes, annotations: isolateHistory.of('full'), userEvent: 'input.form' });
  }

  /** All of it anew, which can be undone. */
  replace(text: string): void {
    const next = text.replaceAll('\r\n', '\n');
    if (next === this.picture.text) return;
    this.dispatch({
      changes: { from: 0, to: this.current.doc.length, insert: next },
      annotations: isolateHistory.of('full'),
    });
  }

  undo(): void {
    undo(this.target());
  }

  redo(): void {
    redo(this.target());
  }

  /** Brings a place into sight, the cursor on it. */
  reveal(from: number, { focus }: { focus: boolean }): void {
    const at = Math.min(from, this.current.doc.length);
    this.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'center' }) });
    if (focus) this.view?.focus();
  }

  dispatch(spec: TransactionSpec): void {
    if (this.view) this.view.dispatch(spec);
    else this.accept(this.current.update(spec).state);
  }

  private target() {
    if (this.view) return this.view;
    return { state: this.current, dispatch: (transaction: Transaction) => this.accept(transaction.state) };
  }

  private accept(state: EditorState): void {
    const before = this.current;
    this.current = state;
    if (before.doc === state.doc && this.picture.canUndo === undoDepth(state) > 0) return;
    this.picture = this.pictureNow();
    for (const listener of this.listeners) listener();
  }

  private pictureNow(): DocumentPicture {
    return {
      text: this.current.doc.toString(),
      canUndo: undoDepth(this.current) > 0,
      canRedo: redoDepth(this.current) > 0,
    };
  }
}
