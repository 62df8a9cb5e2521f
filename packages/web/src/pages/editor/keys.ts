/** Keys of the editor, wherever one is; fields and the text keep those that are theirs. */
import { useEffect, useRef, type KeyboardEvent } from 'react';
import type { DefinitionDocument } from './definition-document.ts';

/** Ctrl or Command and S. */
export function useSaveKey(save: () => void): void {
  const latest = useRef(save);
  useEffect(() => {
    latest.current = save;
  });
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent): void => {
      if (!(event.metaKey || event.ctrlKey) || event.key.toLowerCase() !== 's' || event.altKey) return;
      event.preventDefault();
      latest.current();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

/** Ctrl or Command and Z; with Shift the other way. */
export function undoByKey(document: DefinitionDocument, event: KeyboardEvent): void {
  if (!(event.metaKey || event.ctrlKey) || event.key.toLowerCase() !== 'z' || isField(event.target)) return;
  event.preventDefault();
  if (event.shiftKey) document.redo();
  else document.undo();
}

/** What is being typed into a form is taken over when its field is left. */
export function leaveField(): void {
  const { activeElement } = globalThis.document;
  if (activeElement instanceof HTMLElement && isField(activeElement)) activeElement.blur();
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}
