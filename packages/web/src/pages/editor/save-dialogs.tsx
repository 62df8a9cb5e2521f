/** Where a new workflow goes, and what to do when somebody else saved meanwhile. */
import type { WorkflowView } from '@pelorus/protocol';
import { lazy, Suspense, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { ProblemText } from '../../ui/states.tsx';
import { TargetProjectFields, useTargetProject } from '../../ui/target-project.tsx';

const TextDiff = lazy(async () => ({ default: (await import('../workflow/text-diff.tsx')).TextDiff }));

export function SaveNewDialog({
  project,
  name,
  onSave,
  onClose,
}: {
  project: string | null;
  name: string;
  /** Throws what it was refused for. */
  onSave: (project: string, name: string, isNewProject: boolean) => Promise<void>;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  const { t: common } = useTranslation();
  const target = useTargetProject(project);
  const [typed, setTyped] = useState(name);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const save = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await onSave(target.name, typed.trim(), target.isNew);
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={t('saveAs.title')}
      footer={
        <>
          <Button onClick={onClose}>{common('action.cancel')}</Button>
          <Button
            kind="primary"
            type="submit"
            form="save-new"
            busy={busy}
            disabled={target.name === '' || typed.trim() === ''}
          >
            {t('save')}
          </Button>
        </>
      }
    >
      <form
        id="save-new"
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <TargetProjectFields
          target={target}
          words={{
            project: t('saveAs.project'),
            newProject: t('saveAs.newProject'),
            newName: t('saveAs.newProjectName'),
          }}
        />
        <Field label={t('saveAs.name')} hint={t('saveAs.nameHint')}>
          <Input value={typed} onChange={(event) => setTyped(event.target.value)} spellCheck={false} />
        </Field>
        {error && <ProblemText error={error} />}
      </form>
    </Dialog>
  );
}

export function ConflictDialog({
  theirs,
  mine,
  onOverwrite,
  onTake,
  onClose,
}: {
  theirs: WorkflowView;
  mine: string;
  onOverwrite: () => void;
  onTake: () => void;
  onClose: () => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  return (
    <Dialog
      open
      onClose={onClose}
      size="wide"
      title={t('conflict.title')}
      description={t('conflict.hint', { version: theirs.version, user: theirs.updatedBy })}
      footer={
        <>
          <Button onClick={onTake}>{t('conflict.take')}</Button>
          <Button kind="danger" onClick={onOverwrite}>
            {t('conflict.overwrite')}
          </Button>
          <Button kind="primary" onClick={onClose}>
            {t('conflict.keep')}
          </Button>
        </>
      }
    >
      {/* As high before the texts are there: who is about to press a button finds it where it was. */}
      <div className="h-[50vh] overflow-auto">
        <Suspense fallback={<Spinner />}>
          <TextDiff label={t('conflict.diff')} before={theirs.source} after={mine} format={theirs.format} />
        </Suspense>
      </div>
    </Dialog>
  );
}
