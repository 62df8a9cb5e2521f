/** What was typed and not saved, kept in this browser for its person, by workflow. */

export interface Draft {
  text: string;
  /** Of the version that it was begun with; null: of none. */
  tag: string | null;
  /** Epoch ms. */
  at: number;
}

const MAX_CHARS = 2_000_000;

export function draftKey(user: string, workflow: string): string {
  return `pelorus.draft ${user} ${workflow}`;
}

export function readDraft(key: string): Draft | null {
  try {
    const found = JSON.parse(localStorage.getItem(key) ?? 'null') as Partial<Draft> | null;
    if (found === null || typeof found.text !== 'string' || typeof found.at !== 'number') return null;
    return { text: found.text, tag: typeof found.tag === 'string' ? found.tag : null, at: found.at };
  } catch {
    return null;
  }
}

export function writeDraft(key: string, draft: Draft): void {
  if (draft.text.length > MAX_CHARS) return;
  try {
    localStorage.setItem(key, JSON.stringify(draft));
  } catch {
    // No room, or no storage at all: what is typed is still in the window.
  }
}

export function forgetDraft(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // As above.
  }
}
