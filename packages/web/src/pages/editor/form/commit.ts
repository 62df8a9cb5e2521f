/** What is typed into a form becomes a change of the text when one goes on: by leaving the field, by Enter in one line, or after a pause. */
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';

const PAUSE_MS = 900;

export function useCommitted(
  value: string,
  commit: (typed: string) => void,
  { lines = false }: { lines?: boolean } = {},
): {
  value: string;
  onChange: (event: { target: { value: string } }) => void;
  onBlur: () => void;
  onKeyDown: (event: KeyboardEvent) => void;
} {
  const [typed, setTyped] = useState<string | null>(null);
  const pending = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef(commit);
  useEffect(() => {
    latest.current = commit;
  });
  const flush = (): void => {
    clearTimeout(timer.current);
    const text = pending.current;
    pending.current = null;
    if (text !== null) latest.current(text);
  };
  // Whatever was typed is not lost when the field goes.
  useEffect(() => flush, []);
  return {
    value: typed ?? value,
    onChange: ({ target }) => {
      setTyped(target.value);
      pending.current = target.value;
      clearTimeout(timer.current);
      timer.current = setTimeout(flush, PAUSE_MS);
    },
    onBlur: () => {
      flush();
      setTyped(null);
    },
    onKeyDown: (event) => {
      if (event.key !== 'Enter' || lines) return;
      event.preventDefault();
      flush();
      setTyped(null);
    },
  };
}
