/** What a text means as it is now: its tasks, and all that is wrong with it, as we see it at once and as the server sees it a moment later. */
import { parseDefinition, type DefinitionProblem, type WorkflowDefinition } from '@pelorus/protocol';
import { ApiError } from '@pelorus/sdk';
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { api } from '../../api/client.ts';
import type { DefinitionDocument } from './definition-document.ts';
import { outlineOf, outlineOfDefinition, type OutlineTask } from './outline.ts';
import { rangeOfTask } from './text/task-edits.ts';
import { readSource, type Source } from './text/yaml-place.ts';

const CHECK_AFTER_MS = 600;
/** Longer texts are not read at each key that is pressed. */
const LONG_CHARS = 150_000;
const LONG_PAUSE_MS = 400;

export interface Reading {
  /** What was read; behind what is typed for a moment, when it is long. */
  text: string;
  /** Null: it is no YAML at present. Read when first asked for. */
  source: () => Source | null;
  definition: WorkflowDefinition | null;
  /** As they last could be read. */
  tasks: readonly OutlineTask[];
  isBroken: boolean;
  problems: readonly DefinitionProblem[];
  warnings: readonly DefinitionProblem[];
}

export type ServerCheck = { state: 'checking' | 'checked' } | { state: 'failed'; message: string };

export function useReading(document: DefinitionDocument, name: string): Reading {
  const { text: typed } = useSyncExternalStore(document.subscribe, () => document.picture);
  const text = usePaused(typed);
  const known = useRef<readonly OutlineTask[]>([]);
  return useMemo(() => {
    const { definition, problems, warnings } = parseDefinition(text, document.format, { workflowName: name });
    let read: Source | null | undefined;
    const source = (): Source | null => (read === undefined ? (read = readSource(text, document.format)) : read);
    const tasks = definition === null ? sourceTasks(source()) : outlineOfDefinition(definition);
    if (tasks !== null) known.current = tasks;
    return { text, source, definition, tasks: known.current, isBroken: tasks === null, problems, warnings };
  }, [text, document.format, name]);
}

function sourceTasks(source: Source | null): OutlineTask[] | null {
  return source === null ? null : outlineOf(source.value);
}

function usePaused(text: string): string {
  const [paused, setPaused] = useState(text);
  const isLong = text.length > LONG_CHARS;
  useEffect(() => {
    if (!isLong) return undefined;
    const timer = setTimeout(() => setPaused(text), LONG_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, isLong]);
  return isLong ? paused : text;
}

/** The server knows of files, secrets, connections and other workflows, too. What it said of another text does not count. */
export function useServerCheck(
  { project, name, format }: { project: string; name: string; format: 'yaml' | 'json' },
  reading: Reading,
): { check: ServerCheck; problems: readonly DefinitionProblem[]; warnings: readonly DefinitionProblem[] } {
  const [answer, setAnswer] = useState<{
    text: string;
    problems: readonly DefinitionProblem[];
    warnings: readonly DefinitionProblem[];
    failure: string | null;
  } | null>(null);
  const { text } = reading;
  useEffect(() => {
    if (project === '') return undefined;
    const stop = new AbortController();
    const ask = async (): Promise<void> => {
      try {
        const { warnings } = await api.workflows.validate(project, name, { source: text, format }, stop.signal);
        setAnswer({ text, problems: [], warnings, failure: null });
      } catch (error) {
        if (stop.signal.aborted) return;
        const refused = error instanceof ApiError && error.status === 422;
        setAnswer({
          text,
          problems: refused ? error.errors.map(placed) : [],
          warnings: [],
          failure: refused ? null : error instanceof Error ? error.message : String(error),
        });
      }
    };
    const timer = setTimeout(() => void ask(), CHECK_AFTER_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [project, name, format, text]);
  const { problems, warnings } = reading;
  if (project === '') return { check: { state: 'checked' }, problems, warnings };
  if (answer === null || answer.text !== text) return { check: { state: 'checking' }, problems, warnings };
  if (answer.failure !== null) return { check: { state: 'failed', message: answer.failure }, problems, warnings };
  return { check: { state: 'checked' }, problems: answer.problems, warnings: answer.warnings };
}

function placed({ pointer, message, line, column }: ApiError['errors'][number]): DefinitionProblem {
  return { pointer: pointer ?? '', message, line: line ?? null, column: column ?? null };
}

/** The task that a problem is about. */
export function taskOf({ pointer }: DefinitionProblem): string | null {
  const [, top, name] = pointer.split('/');
  return top === 'tasks' && name !== undefined ? name.replaceAll('~1', '/').replaceAll('~0', '~') : null;
}

/** The task in whose text a position is. */
export function taskAt({ source, tasks }: Reading, at: number): OutlineTask | undefined {
  const now = source();
  if (now === null) return undefined;
  return tasks.find(({ name }) => {
    const range = rangeOfTask(now, name);
    return range !== null && at >= range.from && at <= range.to;
  });
}

/** Where in a text a problem is. */
export function positionOf({ line, column }: DefinitionProblem, text: string): number {
  const before = text.split('\n').slice(0, Math.max(0, (line ?? 1) - 1));
  return before.reduce((sum, each) => sum + each.length + 1, 0) + Math.max(0, (column ?? 1) - 1);
}

/** How many problems each task has. */
export function countByTask(problems: readonly DefinitionProblem[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const problem of problems) {
    const task = taskOf(problem);
    if (task !== null) counts.set(task, (counts.get(task) ?? 0) + 1);
  }
  return counts;
}
