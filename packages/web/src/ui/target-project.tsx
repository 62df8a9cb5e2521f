/** A project to put something into: one that may be written, or a new one. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { api } from '../api/client.ts';
import { useMe } from '../app/session.tsx';
import { Field, Input, Select } from './field.tsx';

export interface TargetProject {
  /** Empty: it is a new one that has no name yet. */
  name: string;
  isNew: boolean;
  /** What the fields show and change. */
  fields: {
    /** Those that may be written. */
    names: readonly string[];
    chosen: string;
    choose: (name: string) => void;
    newName: string;
    rename: (name: string) => void;
    mayMake: boolean;
  };
}

/** No name of a project. */
const NEW = '/new';
const WRITE = 4;

/** `project`: what is chosen at first; null: the first one there is. */
export function useTargetProject(project: string | null): TargetProject {
  const me = useMe();
  const projects = useQuery({ queryKey: ['projects'], queryFn: ({ signal }) => api.projects.list(signal) });
  const permOf = (name: string): number => me.projects.find((each) => each.name === name)?.perm ?? 0;
  const names = (projects.data?.items ?? [])
    .map(({ name }) => name)
    .filter((name) => me.administrator || (permOf(name) & WRITE) !== 0);
  const [picked, choose] = useState(project);
  const [newName, rename] = useState('');
  const chosen = picked ?? names[0] ?? NEW;
  const isNew = chosen === NEW;
  return {
    name: isNew ? newName.trim() : chosen,
    isNew,
    fields: { names, chosen, choose, newName, rename, mayMake: me.administrator },
  };
}

export function TargetProjectFields({
  target: { isNew, fields },
  words,
}: {
  target: TargetProject;
  words: { project: string; newProject: string; newName: string };
}): ReactNode {
  return (
    <>
      <Field label={words.project}>
        <Select value={fields.chosen} onChange={(event) => fields.choose(event.target.value)}>
          {fields.names.map((name) => (
            <option key={name}>{name}</option>
          ))}
          {fields.mayMake && <option value={NEW}>{words.newProject}</option>}
        </Select>
      </Field>
      {isNew && (
        <Field label={words.newName}>
          <Input value={fields.newName} onChange={(event) => fields.rename(event.target.value)} />
        </Field>
      )}
    </>
  );
}
