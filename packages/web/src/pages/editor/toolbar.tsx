/** What can be done in the editor, and whether it is saved. */
import { Link } from '@tanstack/react-router';
import clsx from 'clsx';
import { Code, Play, Redo2, Save, Settings2, Table2, Undo2, Workflow } from 'lucide-react';
import { useEffect, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { isMac } from '../../app/shell.tsx';
import { Button, IconButton } from '../../ui/button.tsx';
import { AddMenu } from './add-menu.tsx';
import type { DocumentPicture } from './definition-document.ts';
import type { Base } from './use-saving.ts';

export type View = 'graph' | 'table' | 'text';
const VIEWS = [
  ['graph', Workflow],
  ['table', Table2],
  ['text', Code],
] as const;

export function Toolbar({
  title,
  base,
  isDirty,
  isBusy,
  readOnly,
  mayRun,
  view,
  picture,
  types,
  selected,
  showsSettings,
  onView,
  onSettings,
  onAdd,
  onUndo,
  onRedo,
  onSave,
  onRun,
}: {
  title: string;
  base: Base | null;
  isDirty: boolean;
  isBusy: boolean;
  readOnly: boolean;
  mayRun: boolean;
  view: View;
  picture: DocumentPicture;
  types: readonly string[];
  selected: string | null;
  showsSettings: boolean;
  onView: (view: View) => void;
  onSettings: () => void;
  onAdd: (type: string) => void;
  onUndo: () => void;
  onRedo: () => void;
  onSave: () => void;
  onRun: () => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  const mod = isMac() ? '⌘' : 'Ctrl ';
  return (
    <header className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-b border-line px-3 py-2 md:px-4">
      <div className="min-w-0 grow max-md:basis-full">
        <Title title={title} base={base} />
        <p className="text-xs text-ink-2" aria-live="polite">
          {readOnly
            ? t('readOnly')
            : base === null
              ? t('isNew')
              : `${t('version', { version: base.version })} · ${isDirty ? t('unsaved') : t('saved')}`}
        </p>
      </div>
      <ViewSwitch view={view} onView={onView} />
      <div className="flex items-center gap-1">
        {!readOnly && (
          <>
            <AddMenu types={types} behind={selected} onAdd={onAdd} />
            <IconButton label={`${t('undo')} (${mod}Z)`} disabled={!picture.canUndo} onClick={onUndo}>
              <Undo2 className="size-4" aria-hidden />
            </IconButton>
            <IconButton label={`${t('redo')} (${mod}⇧Z)`} disabled={!picture.canRedo} onClick={onRedo}>
              <Redo2 className="size-4" aria-hidden />
            </IconButton>
          </>
        )}
        <IconButton
          label={t('settings')}
          aria-pressed={showsSettings}
          className={showsSettings ? 'bg-accent-soft text-accent' : ''}
          onClick={onSettings}
        >
          <Settings2 className="size-4" aria-hidden />
        </IconButton>
      </div>
      <div className="flex gap-2">
        {mayRun && base !== null && (
          <Button onClick={onRun} disabled={isBusy}>
            <Play className="size-4" aria-hidden /> {isDirty && !readOnly ? t('saveAndRun') : t('run')}
          </Button>
        )}
        {!readOnly && (
          <Button kind="primary" busy={isBusy} disabled={base !== null && !isDirty} title={`${mod}S`} onClick={onSave}>
            <Save className="size-4" aria-hidden /> {t('save')}
          </Button>
        )}
      </div>
    </header>
  );
}

function Title({ title, base }: { title: string; base: Base | null }): ReactNode {
  const { t } = useTranslation('editor');
  useEffect(() => {
    globalThis.document.title = `${base === null ? t('newTitle') : t('editTitle', { workflow: title })} · Pelorus`;
  }, [base, title, t]);
  return (
    <h1 className="truncate text-lg font-semibold">
      {base === null ? (
        title
      ) : (
        <>
          <span className="font-normal text-ink-2">{base.project} / </span>
          <Link
            to="/projects/$project/workflows/$workflow"
            params={{ project: base.project, workflow: base.name }}
            className="hover:underline"
          >
            {base.name}
          </Link>
        </>
      )}
    </h1>
  );
}

function ViewSwitch({ view, onView }: { view: View; onView: (view: View) => void }): ReactNode {
  const { t } = useTranslation('editor');
  return (
    <div role="group" aria-label={t('view')} className="flex overflow-hidden rounded-md border border-line">
      {VIEWS.map(([each, Icon]) => (
        <button
          key={each}
          type="button"
          aria-pressed={view === each}
          onClick={() => onView(each)}
          className={clsx(
            'inline-flex min-h-8 items-center gap-1.5 px-2.5 -outline-offset-2!',
            view === each ? 'bg-accent-soft font-medium text-accent' : 'text-ink-2 hover:bg-surface-2',
          )}
        >
          <Icon className="size-4" aria-hidden /> {t(each)}
        </button>
      ))}
    </div>
  );
}
