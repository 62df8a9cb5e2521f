/** All that is known of what is edited: its text, what that means, what is wrong with it, and what of it is saved. */
import { useMemo, useState, useSyncExternalStore } from 'react';
import { useMay, useMe } from '../../app/session.tsx';
import { useProblemWords } from '../../ui/problem-words.ts';
import { DefinitionDocument } from './definition-document.ts';
import { useDraft } from './draft-banner.tsx';
import { draftKey, forgetDraft } from './drafts.ts';
import { useReading, useServerCheck } from './reading.ts';
import { useEditing } from './use-editing.ts';
import { useSaving, type Base } from './use-saving.ts';

export interface Opened {
  /** Null: it is new. */
  opened: Base | null;
  format: 'yaml' | 'json';
  source: string;
  project: string | null;
}

export type Bench = ReturnType<typeof useBench>;

export function useBench({ opened, format, source, project }: Opened) {
  const me = useMe();
  const [document] = useState(() => new DefinitionDocument(source, format));
  const picture = useSyncExternalStore(document.subscribe, () => document.picture);
  const key = draftKey(me.user, opened === null ? '' : `${opened.project}/${opened.name}`);
  const saving = useSaving(document, opened, () => forgetDraft(key));
  const { base } = saving;
  const name = base?.name ?? 'new-workflow';
  const savedText = (base?.source ?? source).replaceAll('\r\n', '\n');
  const drafts = useDraft(key, picture.text, savedText, base?.tag ?? null);
  const reading = useReading(document, name);
  const place = { project: base?.project ?? project ?? me.projects[0]?.name ?? '', name, format };
  const { check, warnings, ...found } = useServerCheck(place, reading);
  const words = useProblemWords();
  const problems = useMemo(
    () => found.problems.map((problem) => ({ ...problem, message: words(problem.message) })),
    [found.problems, words],
  );
  const editing = useEditing(document);
  const may = useMay(base?.project ?? project);
  return {
    document,
    picture,
    saving,
    base,
    drafts,
    reading,
    check,
    problems,
    warnings,
    editing,
    hasChanged: picture.text !== savedText,
    mayRun: may.execute,
    readOnly: base !== null && !may.write,
  };
}
