/** Canvas or table on one side, the text on the other, both of the same text; the form of what is chosen below. On narrow windows one of them at a time. */
import type { DefinitionProblem } from '@pelorus/protocol';
import { useBlocker } from '@tanstack/react-router';
import clsx from 'clsx';
import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type KeyboardEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useMay, useMe } from '../../app/session.tsx';
import { ConfirmDialog } from '../../ui/dialog.tsx';
import { useProblemWords } from '../../ui/problem-words.ts';
import { RunDialog } from '../workflows/run-dialog.tsx';
import { CanvasPane } from './canvas-pane.tsx';
import { CodePane } from './code-pane.tsx';
import { DefinitionDocument } from './definition-document.ts';
import { DraftBanner, useDraft } from './draft-banner.tsx';
import { draftKey, forgetDraft } from './drafts.ts';
import type { SchemaBook } from './form/schema.ts';
import { TaskInspector, WorkflowInspector } from './inspector.tsx';
import { ProblemList } from './problem-list.tsx';
import { taskOf, useReading, useServerCheck } from './reading.ts';
import { ConflictDialog, SaveNewDialog } from './save-dialogs.tsx';
import { TaskTable } from './task-table.tsx';
import { rangeOfTask } from './text/task-edits.ts';
import { isRecord } from './text/yaml-edit.ts';
import { Toolbar, type View } from './toolbar.tsx';
import { useEditing } from './use-editing.ts';
import { useSaving, type Base } from './use-saving.ts';

export interface Chosen {
  view?: string | undefined;
  task?: string | undefined;
}

export function Workbench({
  book,
  opened,
  format,
  source,
  project,
  chosen,
  onChoose,
}: {
  book: SchemaBook;
  opened: Base | null;
  format: 'yaml' | 'json';
  source: string;
  project: string | null;
  chosen: Chosen;
  onChoose: (next: Chosen) => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  const me = useMe();
  const [document] = useState(() => new DefinitionDocument(source, format));
  const picture = useSyncExternalStore(document.subscribe, () => document.picture);
  const key = draftKey(me.user, opened === null ? '' : `${opened.project}/${opened.name}`);
  const saving = useSaving(document, picture.text, opened, () => forgetDraft(key));
  const { base } = saving;
  const savedText = (base?.source ?? source).replaceAll('\r\n', '\n');
  const drafts = useDraft(key, picture.text, savedText, base?.tag ?? null);
  const reading = useReading(document, base?.name ?? 'new-workflow');
  const { check, warnings, ...found } = useServerCheck(
    { project: base?.project ?? project ?? me.projects[0]?.name ?? '', name: base?.name ?? 'new-workflow', format },
    reading,
  );
  const words = useProblemWords();
  const problems = useMemo(
    () => found.problems.map((problem) => ({ ...problem, message: words(problem.message) })),
    [found.problems, words],
  );
  const editing = useEditing(document);
  const may = useMay(base?.project ?? project);
  const readOnly = base !== null && !may.write;
  const view: View = chosen.view === 'table' || chosen.view === 'text' ? chosen.view : 'graph';
  const selected = chosen.task ?? null;
  const [showsSettings, setShowsSettings] = useState(false);
  const [asking, setAsking] = useState<'save-new' | 'run' | null>(null);
  const wrong = useMemo(() => countByTask(problems), [problems]);
  const hasChanged = picture.text !== savedText;
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => hasChanged && current.pathname !== next.pathname,
    enableBeforeUnload: hasChanged,
    withResolver: true,
  });

  const select = (task: string | null, { reveal = true }: { reveal?: boolean } = {}): void => {
    setShowsSettings(false);
    onChoose({ task: task ?? '' });
    if (task !== null && reveal) editing.reveal(task, false);
  };
  const save = async (): Promise<boolean> => {
    // What is being typed into a form counts, too.
    if (globalThis.document.activeElement instanceof HTMLElement && isField(globalThis.document.activeElement))
      globalThis.document.activeElement.blur();
    if (base !== null) return saving.save();
    setAsking('save-new');
    return false;
  };
  const run = async (): Promise<void> => {
    if (base !== null && (!hasChanged || (await save()))) setAsking('run');
    else if (base === null) await save();
  };
  useSaveKey(() => void save());
  const opensTask = useRef(false);
  useEffect(() => {
    // The task that the address names is shown where it stands.
    if (opensTask.current) return;
    opensTask.current = true;
    if (selected !== null) editing.reveal(selected, false);
  }, [editing, selected]);
  const onCursor = (at: number): void => {
    const now = reading.source();
    if (now === null || now.text !== document.picture.text) return;
    const task = reading.tasks.find(({ name }) => {
      const range = rangeOfTask(now, name);
      return range !== null && at >= range.from && at <= range.to;
    });
    if (task !== undefined && task.name !== selected) select(task.name, { reveal: false });
  };
  const jump = (problem: DefinitionProblem): void => {
    const task = taskOf(problem);
    if (task !== null && reading.tasks.some(({ name }) => name === task)) onChoose({ task });
    const lines = document.picture.text.split('\n');
    const before = lines.slice(0, Math.max(0, (problem.line ?? 1) - 1));
    const from = before.reduce((sum, line) => sum + line.length + 1, 0) + Math.max(0, (problem.column ?? 1) - 1);
    document.reveal(from, { focus: true });
  };
  const onKeys = (event: KeyboardEvent): void => {
    if (!(event.metaKey || event.ctrlKey) || event.key.toLowerCase() !== 'z' || isField(event.target)) return;
    event.preventDefault();
    if (event.shiftKey) document.redo();
    else document.undo();
  };

  const task = reading.tasks.find(({ name }) => name === selected);
  const shared = { book, editing, problems, readOnly };
  const inspector = showsSettings ? (
    <WorkflowInspector {...shared} value={reading.source()?.value ?? null} onClose={() => setShowsSettings(false)} />
  ) : task !== undefined ? (
    <TaskInspector
      {...shared}
      task={task}
      tasks={reading.tasks}
      value={taskValue(reading.source()?.value ?? null, task.name)}
      onSelect={select}
      onClose={() => select(null)}
    />
  ) : null;
  const panes = { tasks: reading.tasks, wrong, selected, editing, onSelect: select, readOnly };
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Toolbar
        title={base === null ? t('newTitle') : base.name}
        base={base}
        isDirty={hasChanged}
        isBusy={saving.isBusy}
        readOnly={readOnly}
        mayRun={may.execute}
        view={view}
        picture={picture}
        types={book.types}
        selected={task === undefined ? null : task.name}
        showsSettings={showsSettings}
        onView={(next) => onChoose({ view: next === 'graph' ? '' : next })}
        onSettings={() => setShowsSettings((now) => !now)}
        onAdd={(type) => {
          const name = editing.add(type, task?.name ?? null);
          if (name !== null) select(name);
        }}
        onUndo={() => document.undo()}
        onRedo={() => document.redo()}
        onSave={() => void save()}
        onRun={() => void run()}
      />
      {drafts.draft && <DraftBanner draft={drafts.draft} base={base} document={document} onDone={drafts.forget} />}
      <div className={clsx('grid min-h-0 grow', view !== 'text' && 'lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]')}>
        <div
          className={clsx(
            'flex min-h-0 min-w-0 flex-col',
            view === 'text' && !inspector && 'hidden',
            view === 'text' && 'row-start-2',
          )}
          onKeyDown={onKeys}
        >
          {reading.isBroken && (
            <p role="status" className="bg-warn-soft px-3 py-1.5 text-xs text-warn">
              {t('broken')}
            </p>
          )}
          <div className={clsx('min-h-40 grow basis-0', view === 'text' && 'hidden', reading.isBroken && 'opacity-60')}>
            {view === 'table' ? (
              <TaskTable {...panes} />
            ) : (
              <CanvasPane {...panes} onOpen={(name) => editing.reveal(name, true)} />
            )}
          </div>
          {inspector && (
            <div className="max-h-[58%] min-h-48 shrink-0 basis-1/2 overflow-hidden border-t border-line">
              {inspector}
            </div>
          )}
        </div>
        <div
          className={clsx(
            'min-h-0 min-w-0 flex-col border-line lg:flex lg:border-s',
            view === 'text' ? 'flex' : 'hidden',
          )}
        >
          <div className="min-h-0 grow">
            <CodePane
              document={document}
              problems={problems}
              warnings={warnings}
              readOnly={readOnly}
              onCursor={onCursor}
            />
          </div>
        </div>
      </div>
      <ProblemList problems={problems} warnings={warnings} check={check} onJump={jump} />
      {asking === 'save-new' && (
        <SaveNewDialog
          project={project}
          name={reading.definition?.name ?? nameIn(reading.source()?.value ?? null)}
          onSave={saving.saveNew}
          onClose={() => setAsking(null)}
        />
      )}
      {asking === 'run' && base !== null && (
        <RunDialog project={base.project} workflow={base.name} onClose={() => setAsking(null)} />
      )}
      {saving.conflict && (
        <ConflictDialog
          theirs={saving.conflict}
          mine={picture.text}
          onOverwrite={() => void saving.save('*')}
          onTake={saving.takeTheirs}
          onClose={saving.keepMine}
        />
      )}
      <ConfirmDialog
        open={blocker.status === 'blocked'}
        onClose={() => blocker.reset?.()}
        title={t('leave.title')}
        confirm={t('leave.leave')}
        onConfirm={async () => {
          await Promise.resolve();
          blocker.proceed?.();
        }}
      >
        <p>{t('leave.hint')}</p>
      </ConfirmDialog>
    </div>
  );
}

/** Ctrl or Command and S, wherever one is. */
function useSaveKey(save: () => void): void {
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

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function countByTask(problems: readonly DefinitionProblem[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const problem of problems) {
    const task = taskOf(problem);
    if (task !== null) counts.set(task, (counts.get(task) ?? 0) + 1);
  }
  return counts;
}

function taskValue(value: Parameters<typeof isRecord>[0] | null, task: string) {
  const tasks = isRecord(value ?? null) ? (value as { [key: string]: never })['tasks'] : null;
  return isRecord(tasks) ? (tasks[task] ?? null) : null;
}

function nameIn(value: Parameters<typeof isRecord>[0] | null): string {
  const name = isRecord(value ?? null) ? (value as { [key: string]: unknown })['name'] : null;
  return typeof name === 'string' ? name : '';
}
