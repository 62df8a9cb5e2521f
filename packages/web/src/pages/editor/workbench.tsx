/** Canvas or table on one side, the text on the other, both of the same text; the form of what is chosen below. */
import type { DefinitionProblem } from '@pelorus/protocol';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { RunDialog } from '../workflows/run-dialog.tsx';
import { CanvasPane } from './canvas-pane.tsx';
import { CodePane } from './code-pane.tsx';
import { DraftBanner } from './draft-banner.tsx';
import type { SchemaBook } from './form/schema.ts';
import { TaskInspector, WorkflowInspector } from './inspector.tsx';
import { leaveField, undoByKey, useSaveKey } from './keys.ts';
import { LeaveDialog } from './leave-dialog.tsx';
import { Panes } from './panes.tsx';
import { ProblemList } from './problem-list.tsx';
import { countByTask, positionOf, taskAt, taskOf } from './reading.ts';
import { ConflictDialog, SaveNewDialog } from './save-dialogs.tsx';
import { TaskTable } from './task-table.tsx';
import { isRecord } from './text/yaml-edit.ts';
import type { Plain } from './text/yaml-place.ts';
import { Toolbar, type View } from './toolbar.tsx';
import { useBench, type Bench, type Opened } from './use-bench.ts';
import type { Editing } from './use-editing.ts';

export interface Chosen {
  view?: string | undefined;
  task?: string | undefined;
}

type Asking = 'save-new' | 'run';

export function Workbench({
  book,
  chosen,
  onChoose,
  ...opened
}: Opened & { book: SchemaBook; chosen: Chosen; onChoose: (next: Chosen) => void }): ReactNode {
  const { t } = useTranslation('editor');
  const bench = useBench(opened);
  const { document, picture, saving, base, drafts, reading, problems, warnings, editing, readOnly } = bench;
  const view: View = chosen.view === 'table' || chosen.view === 'text' ? chosen.view : 'graph';
  const selected = chosen.task ?? null;
  const task = reading.tasks.find(({ name }) => name === selected);
  const [showsSettings, setShowsSettings] = useState(false);
  const [asking, setAsking] = useState<Asking | null>(null);
  const wrong = useMemo(() => countByTask(problems), [problems]);

  const select = (name: string | null, { reveal = true }: { reveal?: boolean } = {}): void => {
    setShowsSettings(false);
    onChoose({ task: name ?? '' });
    if (name !== null && reveal) editing.reveal(name, false);
  };
  const add = (type: string): void => {
    const name = editing.add(type, task?.name ?? null);
    if (name !== null) select(name);
  };
  const save = async (): Promise<boolean> => {
    // What is being typed into a form counts, too.
    leaveField();
    if (base !== null) return saving.save();
    setAsking('save-new');
    return false;
  };
  const run = async (): Promise<void> => {
    if (base !== null && (!bench.hasChanged || (await save()))) setAsking('run');
    else if (base === null) await save();
  };
  const followCursor = (at: number): void => {
    if (reading.source()?.text !== document.picture.text) return;
    const found = taskAt(reading, at);
    if (found !== undefined && found.name !== selected) select(found.name, { reveal: false });
  };
  const jump = (problem: DefinitionProblem): void => {
    const name = taskOf(problem);
    if (name !== null && reading.tasks.some((each) => each.name === name)) onChoose({ task: name });
    document.reveal(positionOf(problem, document.picture.text), { focus: true });
  };
  useSaveKey(() => void save());
  useShownAtFirst(selected, editing);

  const shared = { book, editing, problems, readOnly };
  const form = showsSettings ? (
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
  const drawn = { tasks: reading.tasks, wrong, selected, editing, onSelect: select, readOnly };
  return (
    <div className="flex h-full min-h-0 flex-col">
      <Toolbar
        title={base === null ? t('newTitle') : base.name}
        base={base}
        isDirty={bench.hasChanged}
        isBusy={saving.isBusy}
        readOnly={readOnly}
        mayRun={bench.mayRun}
        view={view}
        picture={picture}
        types={book.types}
        selected={task === undefined ? null : task.name}
        showsSettings={showsSettings}
        onView={(next) => onChoose({ view: next === 'graph' ? '' : next })}
        onSettings={() => setShowsSettings((now) => !now)}
        onAdd={add}
        onUndo={() => document.undo()}
        onRedo={() => document.redo()}
        onSave={() => void save()}
        onRun={() => void run()}
      />
      {drafts.draft && <DraftBanner draft={drafts.draft} base={base} document={document} onDone={drafts.forget} />}
      <Panes
        view={view}
        isBroken={reading.isBroken}
        drawing={
          view === 'table' ? (
            <TaskTable {...drawn} />
          ) : (
            <CanvasPane {...drawn} onOpen={(name) => editing.reveal(name, true)} />
          )
        }
        form={form}
        text={<CodePane {...{ document, problems, warnings, readOnly }} onCursor={followCursor} />}
        onKeyDown={(event) => undoByKey(document, event)}
      />
      <ProblemList problems={problems} warnings={warnings} check={bench.check} onJump={jump} />
      <Dialogs bench={bench} project={opened.project} asking={asking} onClose={() => setAsking(null)} />
      <LeaveDialog hasChanged={bench.hasChanged} />
    </div>
  );
}

/** The task that the address names is shown where it stands. */
function useShownAtFirst(task: string | null, editing: Editing): void {
  const isShown = useRef(false);
  useEffect(() => {
    if (isShown.current) return;
    isShown.current = true;
    if (task !== null) editing.reveal(task, false);
  }, [editing, task]);
}

function Dialogs({
  bench: { base, saving, reading, picture },
  project,
  asking,
  onClose,
}: {
  bench: Bench;
  project: string | null;
  asking: Asking | null;
  onClose: () => void;
}): ReactNode {
  return (
    <>
      {asking === 'save-new' && (
        <SaveNewDialog
          project={project}
          name={reading.definition?.name ?? nameIn(reading.source()?.value ?? null)}
          onSave={saving.saveNew}
          onClose={onClose}
        />
      )}
      {asking === 'run' && base !== null && <RunDialog project={base.project} workflow={base.name} onClose={onClose} />}
      {saving.conflict && (
        <ConflictDialog
          theirs={saving.conflict}
          mine={picture.text}
          onOverwrite={() => void saving.save('*')}
          onTake={saving.takeTheirs}
          onClose={saving.keepMine}
        />
      )}
    </>
  );
}

function taskValue(definition: Plain, task: string): Plain {
  const tasks = isRecord(definition) ? (definition['tasks'] ?? null) : null;
  return isRecord(tasks) ? (tasks[task] ?? null) : null;
}

function nameIn(definition: Plain): string {
  const name = isRecord(definition) ? definition['name'] : null;
  return typeof name === 'string' ? name : '';
}
