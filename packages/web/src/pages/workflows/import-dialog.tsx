/** Brings workflows into a project: first what would happen, then, if that is wanted, it happens. All of them or none. */
import type { ImportReport } from '@pelorus/protocol';
import { ApiError, type ImportInput } from '@pelorus/sdk';
import { useQuery } from '@tanstack/react-query';
import { CircleCheck, CircleX } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input, Select, TextArea } from '../../ui/field.tsx';
import { useProblemWords } from '../../ui/problem-words.ts';
import { ProblemText } from '../../ui/states.tsx';
import { toast } from '../../ui/toast.tsx';

const NEW = '/new';

export function ImportDialog({ project, onClose }: { project: string | null; onClose: () => void }): ReactNode {
  const { t } = useTranslation('workflows');
  const { t: common } = useTranslation();
  const me = useMe();
  const projects = useQuery({ queryKey: ['projects'], queryFn: ({ signal }) => api.projects.list(signal) });
  const [chosen, setChosen] = useState(project);
  const [newName, setNewName] = useState('');
  const [file, setFile] = useState<File | null>(null);
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [report, setReport] = useState<ImportReport | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const names = (projects.data?.items ?? [])
    .map(({ name }) => name)
    .filter((name) => me.administrator || ((me.projects.find((each) => each.name === name)?.perm ?? 0) & 4) !== 0);
  const into = chosen ?? names[0] ?? NEW;
  const target = into === NEW ? newName.trim() : into;
  const anew = (): void => {
    setReport(null);
    setError(null);
  };
  const send = async (dryRun: boolean): Promise<void> => {
    setBusy(true);
    anew();
    try {
      const input = await inputOf(file, text);
      if (input === null) throw new Error(t('importDialog.nothing'));
      if (into === NEW) await api.projects.put(target);
      const answer = await api.projects.import(target, input, { dryRun });
      setReport(answer);
      if (dryRun) return;
      void queries.invalidateQueries({ queryKey: ['workflows'] });
      void queries.invalidateQueries({ queryKey: ['projects'] });
      toast({ title: t('importDialog.stored', { count: answer.workflows.length }) });
      onClose();
    } catch (cause) {
      if (cause instanceof ApiError && cause.report !== null) setReport(cause.report);
      else setError(cause instanceof Error ? cause : new Error(String(cause)));
    } finally {
      setBusy(false);
    }
  };
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
          <Button busy={busy} disabled={target === ''} onClick={() => void send(true)}>
            {t('importDialog.check')}
          </Button>
          <Button kind="primary" busy={busy} disabled={target === '' || !fits} onClick={() => void send(false)}>
            {t('importDialog.import')}
          </Button>
        </>
      }
    >
      <div className="grid gap-3">
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label={t('importDialog.project')}>
            <Select value={into} onChange={(event) => (anew(), setChosen(event.target.value))}>
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
              {me.administrator && <option value={NEW}>{t('importDialog.newProject')}</option>}
            </Select>
          </Field>
          {into === NEW && (
            <Field label={t('importDialog.newProjectName')}>
              <Input value={newName} onChange={(event) => (anew(), setNewName(event.target.value))} />
            </Field>
          )}
        </div>
        <Field label={t('importDialog.file')}>
          <Input
            type="file"
            accept=".zip,.yaml,.yml,.json"
            onChange={(event) => (anew(), setFile(event.target.files?.[0] ?? null))}
          />
        </Field>
        {file === null && (
          <Field label={t('importDialog.text')}>
            <TextArea
              rows={8}
              spellCheck={false}
              value={text}
              onChange={(event) => (anew(), setText(event.target.value))}
            />
          </Field>
        )}
        {error && <ProblemText error={error} />}
        {report && <Report report={report} />}
      </div>
    </Dialog>
  );
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
