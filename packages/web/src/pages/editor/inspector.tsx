/** The form of what is chosen: a task, or the workflow itself. */
import type { DefinitionProblem } from '@pelorus/protocol';
import { Trash2, X } from 'lucide-react';
import { useId, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button, IconButton } from '../../ui/button.tsx';
import { Field, Input, Select } from '../../ui/field.tsx';
import { useCommitted } from './form/commit.ts';
import { SchemaField } from './form/schema-field.tsx';
import type { FormField, SchemaBook } from './form/schema.ts';
import type { OutlineTask } from './outline.ts';
import { isRecord } from './text/yaml-edit.ts';
import type { Path, Plain } from './text/yaml-place.ts';
import type { Editing } from './use-editing.ts';

/** Where the common keys of tasks stand; those that are not named here stand with the values. */
const WHEN = [
  'trigger',
  'disabled',
  'delay',
  'timeout',
  'priority',
  'dispatchTimeout',
  'onWorkerLost',
  'executionLease',
  'retry',
];
const WHERE = ['workerGroup', 'environment', 'runAs', 'taskGroup', 'files', 'env'];
const NAME = /^[\p{L}_][\p{L}\p{M}\p{Nd}_-]{0,62}$/u;

interface Shared {
  book: SchemaBook;
  editing: Editing;
  problems: readonly DefinitionProblem[];
  readOnly: boolean;
  onClose: () => void;
}

export function TaskInspector({
  task,
  value,
  tasks,
  onSelect,
  ...shared
}: Shared & {
  task: OutlineTask;
  value: Plain;
  tasks: readonly OutlineTask[];
  onSelect: (task: string | null) => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  const { book, editing, readOnly } = shared;
  const keys = isRecord(value) ? value : {};
  const path = ['tasks', task.name];
  const { own, common } = book.taskFields(task.type, keys);
  const of = (names: readonly string[]): FormField[] => common.filter(({ key }) => names.includes(key));
  const description = of(['description']);
  const values = common.filter(({ key }) => ![...WHEN, ...WHERE, 'description'].includes(key));
  return (
    <Shell
      title={t('inspector', { task: task.name })}
      onClose={shared.onClose}
      actions={
        !readOnly && (
          <Button
            size="small"
            kind="danger"
            onClick={() => {
              if (editing.remove([task.name])) onSelect(null);
            }}
          >
            <Trash2 className="size-3.5" aria-hidden /> {t('deleteTask')}
          </Button>
        )
      }
    >
      <fieldset disabled={readOnly} className="grid gap-4" key={task.name}>
        <div className="grid items-start gap-3 sm:grid-cols-2">
          <NameField task={task} tasks={tasks} editing={editing} onSelect={onSelect} />
          <Field label={t('type')}>
            <Select value={task.type} onChange={(event) => editing.set([...path, 'type'], event.target.value)}>
              {!book.types.includes(task.type) && <option>{task.type}</option>}
              {book.types.map((type) => (
                <option key={type} value={type}>
                  {t(`types.${type}`, { defaultValue: type })}
                </option>
              ))}
            </Select>
          </Field>
          <Fields {...shared} path={path} keys={keys} fields={description} />
          <Needs task={task} tasks={tasks} editing={editing} />
        </div>
        <Group title={t('groups.does')}>
          <Fields {...shared} path={path} keys={keys} fields={own} />
        </Group>
        <Group title={t('groups.when')} isFolded={!WHEN.some((key) => key in keys)}>
          <Fields {...shared} path={path} keys={keys} fields={of(WHEN)} />
        </Group>
        <Group title={t('groups.values')} isFolded={!values.some(({ key }) => key in keys)}>
          <Fields {...shared} path={path} keys={keys} fields={values} />
        </Group>
        <Group title={t('groups.where')} isFolded={!WHERE.some((key) => key in keys)}>
          <Fields {...shared} path={path} keys={keys} fields={of(WHERE)} />
        </Group>
      </fieldset>
    </Shell>
  );
}

export function WorkflowInspector({ value, ...shared }: Shared & { value: Plain }): ReactNode {
  const { t } = useTranslation('editor');
  const keys = isRecord(value) ? value : {};
  return (
    <Shell title={t('groups.workflow')} onClose={shared.onClose} actions={null}>
      <fieldset disabled={shared.readOnly} className="grid items-start gap-3 sm:grid-cols-2">
        <Fields {...shared} path={[]} keys={keys} fields={shared.book.workflowFields()} />
      </fieldset>
    </Shell>
  );
}

function Shell({
  title,
  actions,
  onClose,
  children,
}: {
  title: string;
  actions: ReactNode;
  onClose: () => void;
  children: ReactNode;
}): ReactNode {
  const { t } = useTranslation('editor');
  return (
    <section aria-label={title} className="flex h-full min-h-0 flex-col">
      <div className="flex items-center gap-2 border-b border-line px-3 py-1.5">
        <h2 className="min-w-0 grow truncate font-semibold">{title}</h2>
        {actions}
        <IconButton size="small" label={t('close')} onClick={onClose}>
          <X className="size-4" aria-hidden />
        </IconButton>
      </div>
      <div className="min-h-0 grow overflow-auto p-3">{children}</div>
    </section>
  );
}

function Group({
  title,
  isFolded = false,
  children,
}: {
  title: string;
  isFolded?: boolean;
  children: ReactNode;
}): ReactNode {
  return (
    <details open={!isFolded} className="border-t border-line pt-2">
      <summary className="mb-2 cursor-pointer font-medium text-ink-2">{title}</summary>
      <div className="grid items-start gap-3 sm:grid-cols-2">{children}</div>
    </details>
  );
}

function Fields({
  book,
  editing,
  problems,
  path,
  keys,
  fields,
}: Shared & {
  path: Path;
  keys: Readonly<Record<string, Plain>>;
  fields: readonly FormField[];
}): ReactNode {
  return fields.map((field) => {
    const at = `${path.map((step) => `/${step}`).join('')}/${field.key}`;
    const problem = problems.find(({ pointer }) => pointer === at || pointer.startsWith(`${at}/`));
    return (
      <SchemaField
        key={field.key}
        book={book}
        field={field}
        value={keys[field.key]}
        problem={problem?.message ?? null}
        onChange={(below, value) => editing.set([...path, field.key, ...below], value)}
      />
    );
  });
}

function NameField({
  task,
  tasks,
  editing,
  onSelect,
}: {
  task: OutlineTask;
  tasks: readonly OutlineTask[];
  editing: Editing;
  onSelect: (task: string) => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  const wrong = (name: string): string | null =>
    name === task.name
      ? null
      : tasks.some((each) => each.name === name)
        ? t('nameTaken')
        : NAME.test(name)
          ? null
          : t('nameWrong');
  const committed = useCommitted(task.name, (typed) => {
    const name = typed.trim();
    if (name === task.name || wrong(name) !== null) return;
    if (editing.rename(task.name, name)) onSelect(name);
  });
  return (
    <Field label={t('taskName')} problem={wrong(committed.value.trim())}>
      <Input {...committed} spellCheck={false} />
    </Field>
  );
}

function Needs({
  task,
  tasks,
  editing,
}: {
  task: OutlineTask;
  tasks: readonly OutlineTask[];
  editing: Editing;
}): ReactNode {
  const { t } = useTranslation('editor');
  const list = useId();
  return (
    <fieldset className="grid content-start gap-1">
      <legend className="mb-1 text-sm font-medium">{t('needs')}</legend>
      <div className="flex flex-wrap gap-1">
        {task.needs.map((need) => (
          <span
            key={need}
            className="inline-flex items-center gap-1 rounded-full border border-line bg-surface-2 ps-2.5 text-xs"
          >
            {need}
            <button
              type="button"
              aria-label={t('removeNeed', { task: need })}
              className="grid size-6 place-items-center rounded-full hover:bg-surface-3"
              onClick={() => editing.disconnect(need, task.name)}
            >
              <X className="size-3" aria-hidden />
            </button>
          </span>
        ))}
      </div>
      <Input
        list={list}
        aria-label={t('addNeed')}
        placeholder={t('addNeed')}
        onChange={(event) => {
          const name = event.target.value;
          // Chosen from the list, rather than typed letter by letter.
          const isChosen =
            !(event.nativeEvent instanceof InputEvent) || event.nativeEvent.inputType === 'insertReplacementText';
          if (!isChosen || !tasks.some((each) => each.name === name)) return;
          editing.connect(name, task.name);
          event.target.value = '';
        }}
        onKeyDown={(event) => {
          const name = event.currentTarget.value.trim();
          if (event.key !== 'Enter' || !tasks.some((each) => each.name === name)) return;
          event.preventDefault();
          editing.connect(name, task.name);
          event.currentTarget.value = '';
        }}
      />
      <datalist id={list}>
        {tasks
          .filter(({ name }) => name !== task.name && !task.needs.includes(name))
          .slice(0, 1000)
          .map(({ name }) => (
            <option key={name} value={name} />
          ))}
      </datalist>
    </fieldset>
  );
}
