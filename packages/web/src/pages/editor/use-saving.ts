/** Saving: only over what one began with. Whoever was quicker is shown; nothing of either is lost. */
import type { WorkflowView } from '@pelorus/protocol';
import { ApiError } from '@pelorus/sdk';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { toast } from '../../ui/toast.tsx';
import type { DefinitionDocument } from './definition-document.ts';
import { setValue } from './text/yaml-edit.ts';
import { readSource } from './text/yaml-place.ts';

export interface Base {
  project: string;
  name: string;
  version: number;
  tag: string;
  /** As it is stored. */
  source: string;
}

export interface Saving {
  /** What was saved last, or opened; null: it is new. */
  base: Base | null;
  isBusy: boolean;
  conflict: WorkflowView | null;
  /** True: it is saved. `overTag`: over that version, whatever it holds. */
  save: (overTag?: string) => Promise<boolean>;
  saveNew: (project: string, name: string, isNewProject: boolean) => Promise<void>;
  takeTheirs: () => void;
  keepMine: () => void;
}

export function baseOf(view: WorkflowView): Base {
  const { project, name, version, source } = view;
  return { project, name, version, tag: view.tag, source };
}

export function useSaving(document: DefinitionDocument, opened: Base | null, onSaved: (base: Base) => void): Saving {
  const { t } = useTranslation('editor');
  const navigate = useNavigate();
  const [base, setBase] = useState(opened);
  const [isBusy, setBusy] = useState(false);
  const [conflict, setConflict] = useState<WorkflowView | null>(null);

  const send = async (
    project: string,
    name: string,
    expected: { ifMatch?: string; mustBeNew?: boolean },
  ): Promise<void> => {
    const source = document.stored;
    const saved = await api.workflows.save(project, name, { source, format: document.format }, undefined, expected);
    const next = { project, name, version: saved.version, tag: saved.tag, source };
    setBase(next);
    onSaved(next);
    toast({
      title: saved.changed
        ? t('savedVersion', { version: saved.version, workflow: name })
        : t('savedSame', { version: saved.version }),
      ...(saved.warnings.length > 0 ? { detail: saved.warnings.map(({ message }) => message).join(' ') } : {}),
    });
    void queries.invalidateQueries({ queryKey: ['workflow', project, name] });
    void queries.invalidateQueries({ queryKey: ['versions', project, name] });
    void queries.invalidateQueries({ queryKey: ['workflows'] });
  };

  const save = async (overTag?: string): Promise<boolean> => {
    if (base === null || isBusy) return false;
    setBusy(true);
    try {
      await send(base.project, base.name, { ifMatch: overTag ?? base.tag });
      setConflict(null);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 412)
        setConflict(await api.workflows.get(base.project, base.name));
      else if (error instanceof ApiError && error.status === 422)
        toast({ kind: 'bad', title: t('invalid'), detail: error.errors[0]?.message ?? error.message });
      else toast({ kind: 'bad', title: t('refused'), detail: error instanceof Error ? error.message : String(error) });
      return false;
    } finally {
      setBusy(false);
    }
  };

  const saveNew = async (project: string, name: string, isNewProject: boolean): Promise<void> => {
    const source = readSource(document.picture.text, document.format);
    const edits = source === null ? null : setValue(source, ['name'], name);
    if (edits !== null) document.apply([edits]);
    if (isNewProject) await api.projects.put(project);
    try {
      await send(project, name, { mustBeNew: true });
    } catch (error) {
      if (error instanceof ApiError && error.status === 412)
        throw new Error(t('saveAs.taken', { name, project }), { cause: error });
      throw error;
    }
    await navigate({
      to: '/projects/$project/workflows/$workflow/edit',
      params: { project, workflow: name },
      replace: true,
      ignoreBlocker: true,
    });
  };

  return {
    base,
    isBusy,
    conflict,
    save,
    saveNew,
    takeTheirs: () => {
      if (conflict === null) return;
      document.replace(conflict.source);
      setBase(baseOf(conflict));
      setConflict(null);
      toast({ title: t('conflict.tookTheirs') });
    },
    keepMine: () => setConflict(null),
  };
}
