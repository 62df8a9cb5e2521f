/** Brings workflows into a project: first what would happen, then, if that is wanted, it happens. All of them or none. */
import type { ImportReport } from '@pelorus/protocol';
import { ApiError, type ImportInput } from '@pelorus/sdk';
import { CircleCheck, CircleX } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input, TextArea } from '../../ui/field.tsx';
import { useProblemWords } from '../../ui/problem-words.ts';
import { ProblemText } from '../../ui/states.tsx';
import { TargetProjectFields, useTargetProject, type TargetProject } from '../../ui/target-project.tsx';
import { toast } from '../../ui/toast.tsx';

export function ImportDialog({ project, onClose }: { project: string | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation('workflows');
  const { t: common } = useTranslation();
  const target = useTargetProject(project);
  const [file, setFile] = useState<File | null>(null);
  const [text, setText] = useState('');
  const { report, error, busy, send } = useImport(target, file, text, onClose);
  const fits = report !== null && report.workflows.every(({ outcome }) => outcome !== 'refused');
  return (
    <Dialog
      open
      onClose={onClose}
      size="wide"
      title={t('importDialog.title')}
      description={t('importDialog.hint')}
      footer={
        <>
          <Button onClick={onClose}>{common('action.cancel')}</Button>
          <Button busy={busy} disabled={target.name === ''} onClick={() => void send(true)}>
            {t('importDialog.check')}
          </Button>
          <Button kind="primary" busy={busy} disabled={target.name === '' || !fits} onClick={() => void send(false)}>
            {t('importDialog.import')}
          </Button>
        </>
      }
    >
      <div className="grid gap-3">
        <div className="grid gap-3 sm:grid-cols-2">
          <TargetProjectFields
            target={target}
            words={{
              project: t('importDialog.project'),
              newProject: t('importDialog.newProject'),
              newName: t('importDialog.newProjectName'),
            }}
          />
        </div>
        <Field label={t('importDialog.file')}>
          <Input
            type="file"
            accept=".zip,.yaml,.yml,.json"
            onChange={(event) => setFile(event.target.files?.[0] ?? null)}
          />
        </Field>
        {file === null && (
          <Field label={t('importDialog.text')}>
            <TextArea rows={8} spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} />
          </Field>
        )}
        {error && <ProblemText error={error} />}
        {report && <Report report={report} />}
      </div>
    </Dialog>
  );
}

/** Sends what was chosen; what the server said of something else does not count any more. */
function useImport({ name, isNew }: TargetProject, file: File | null, text: string, onStored: () => void) {
  const { t } = useTranslation('workflows');
  const [busy, setBusy] = useState(false);
  const [report, setReport] = useState<ImportReport | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const forget = (): void => {
    setReport(null);
    setError(null);
  };
  useEffect(forget, [name, isNew, file, text]);
  const send = async (dryRun: boolean): Promise<void> => {
    setBusy(true);
    forget();
    try {
      const input = await inputOf(file, text);
      if (input === null) throw new Error(t('importDialog.nothing'));
      if (isNew) await api.projects.put(name);
      const answer = await api.projects.import(name, input, { dryRun });
      setReport(answer);
      if (dryRun) return;
      void queries.invalidateQueries({ queryKey: ['workflows'] });
      void queries.invalidateQueries({ queryKey: ['projects'] });
      toast({ title: t('importDialog.stored', { count: answer.workflows.length }) });
      onStored();
    } catch (cause) {
      if (cause instanceof ApiError && cause.report !== null) setReport(cause.report);
      else setError(cause instanceof Error ? cause : new Error(String(cause)));
    } finally {
      setBusy(false);
    }
  };
  return { report, error, busy, send };
}

/** Null: nothing was chosen. */
async function inputOf(file: File | null, text: string): Promise<ImportInput | null> {
  if (file !== null) {
    if (/\.zip$/i.test(file.name)) return { format: 'zip', bytes: new Uint8Array(await file.arrayBuffer()) };
    return { format: /\.json$/i.test(file.name) ? 'json' : 'yaml', source: await file.text() };
  }
  if (text.trim() === '') return null;
  return { format: /^\s*[[{]/.test(text) ? 'json' : 'yaml', source: text };
}

function Report({ report }: { report: ImportReport }): ReactNode {
  const { t } = useTranslation('workflows');
  const words = useProblemWords();
  const refused = report.workflows.some(({ outcome }) => outcome === 'refused');
  return (
    <div role="status" className="grid gap-2">
      <p className={refused ? 'text-bad' : 'text-ink-2'}>
        {refused ? t('importDialog.refused') : t('importDialog.checked')}
      </p>
      <ul className="grid gap-1">
        {report.workflows.map((workflow, index) => (
          <li key={`${workflow.file} ${workflow.name} ${index}`} className="rounded-md border border-line px-3 py-1.5">
            <span className="flex flex-wrap items-center gap-2">
              {workflow.outcome === 'refused' ? (
                <CircleX className="size-4 text-bad" aria-hidden />
              ) : (
                <CircleCheck className="size-4 text-ok" aria-hidden />
              )}
              <b>{workflow.name ?? t('importDialog.unreadable')}</b>
              <span className="text-ink-2">{t(`importDialog.outcome.${workflow.outcome}`)}</span>
              {workflow.file && <span className="font-mono text-xs text-ink-2">{workflow.file}</span>}
            </span>
            {[...workflow.errors, ...workflow.warnings].map(({ line, message, pointer }) => (
              <p key={`${pointer} ${message}`} className="text-xs break-words text-ink-2">
                {line !== null && `${t('importDialog.place', { line })}: `}
                {words(message)}
              </p>
            ))}
          </li>
        ))}
      </ul>
      {report.files.length > 0 && (
        <>
          <p className="font-medium">{t('importDialog.files')}</p>
          <ul className="text-xs text-ink-2">
            {report.files.map(({ path, outcome }) => (
              <li key={path}>
                <span className="font-mono">{path}</span> {t(`importDialog.fileOutcome.${outcome}`)}
              </li>
            ))}
          </ul>
        </>
      )}
      {report.unused.length > 0 && (
        <p className="text-xs text-ink-2">{t('importDialog.unused', { files: report.unused.join(', ') })}</p>
      )}
    </div>
  );
}
