/** What was changed and what was refused, newest first; the filters stand in the address. */
import type { AuditQuery, AuditView } from '@pelorus/protocol';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { CircleCheck, CircleX } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { useMe } from '../../app/session.tsx';
import { Button } from '../../ui/button.tsx';
import type { Column } from '../../ui/data-table.tsx';
import { Field, Input, Select } from '../../ui/field.tsx';
import { PagedTable, usePaged } from '../../ui/paged.tsx';
import { EmptyState } from '../../ui/states.tsx';
import { absoluteTime, Time } from '../../ui/time.tsx';
import { ToneBadge } from '../../ui/tone-badge.tsx';

const PAGE_SIZE = 100;
const TEXTS = ['user', 'action', 'project'] as const;
const INSTANTS = ['after', 'before'] as const;

export function AuditTab(): ReactNode {
  const { t } = useTranslation('admin');
  const search = useSearch({ from: '/admin' });
  const me = useMe();
  const query = queryOf(search);
  // Of all projects together administrators only may read it.
  const own = me.projects.find(({ owner }) => owner)?.name;
  if (!me.administrator && own !== undefined) query.project ??= own;
  const list = usePaged(['audit', query], (cursor, signal) =>
    api.audit.list({ ...query, limit: PAGE_SIZE, ...(cursor === undefined ? {} : { cursor }) }, signal),
  );
  const columns: Column<AuditView>[] = [
    {
      id: 'when',
      name: t('audit.when'),
      cell: ({ at, times }) => (
        <>
          <Time at={at} />
          {times > 1 && <span className="ms-1 text-xs text-ink-2">{t('audit.times', { count: times })}</span>}
          <p className="text-xs text-ink-2 md:whitespace-nowrap">{absoluteTime(at)}</p>
        </>
      ),
    },
    {
      id: 'user',
      name: t('audit.user'),
      cell: ({ user, via }) => (
        <>
          {user ?? <i>{t('audit.nobody')}</i>}
          {via !== 'none' && <p className="text-xs text-ink-2">{t(`audit.via.${via}`)}</p>}
        </>
      ),
    },
    { id: 'action', name: t('audit.action'), cell: ({ action }) => <code className="text-xs">{action}</code> },
    {
      id: 'target',
      name: t('audit.target'),
      cell: ({ target, project }) => <Target target={target} project={project} />,
    },
    {
      id: 'outcome',
      name: t('audit.outcome'),
      cell: ({ outcome, code }) => (
        <>
          {outcome === 'done' ? (
            <ToneBadge tone="ok" icon={CircleCheck} text={t('audit.done')} />
          ) : (
            <ToneBadge tone="bad" icon={CircleX} text={t('audit.refused')} />
          )}
          {code !== null && <p className="mt-0.5 text-xs text-ink-2">{code}</p>}
        </>
      ),
    },
    { id: 'address', name: t('audit.address'), cell: ({ address }) => <code className="text-xs">{address}</code> },
  ];
  return (
    <div className="grid gap-3">
      <Filters key={JSON.stringify(query)} query={query} />
      <PagedTable
        list={list}
        label={t('tabs.audit')}
        columns={columns}
        keyOf={({ id }) => id}
        empty={<EmptyState title={t('audit.empty')}>{t('audit.emptyHint')}</EmptyState>}
      />
    </div>
  );
}

type Asked = Pick<AuditQuery, 'user' | 'action' | 'project' | 'outcome' | 'after' | 'before'>;

/** What the address asks for; an instant that is none is left out. */
function queryOf(search: Partial<Record<keyof Asked, string>>): Asked {
  const query: Asked = {};
  for (const name of TEXTS) if (search[name]) query[name] = search[name];
  for (const name of INSTANTS) {
    const at = Date.parse(search[name] ?? '');
    if (!Number.isNaN(at)) query[name] = new Date(at).toISOString();
  }
  if (search.outcome === 'done' || search.outcome === 'refused') query.outcome = search.outcome;
  return query;
}

function Filters({ query }: { query: Asked }): ReactNode {
  const { t } = useTranslation('admin');
  const navigate = useNavigate({ from: '/admin' });
  const [text, setText] = useState<Partial<Record<string, string>>>(query);
  const ask = (asked: Asked): void => void navigate({ search: { tab: 'audit', ...asked }, replace: true });
  const applyText = (): void => {
    const next = { ...query };
    for (const name of TEXTS) {
      const value = text[name]?.trim();
      if (value) next[name] = value;
      else delete next[name];
    }
    ask(next);
  };
  const names = { user: t('audit.user'), action: t('audit.action'), project: t('project') };
  return (
    <form
      className="grid grid-cols-2 items-end gap-2 md:flex md:flex-wrap"
      onSubmit={(event) => {
        event.preventDefault();
        applyText();
      }}
    >
      {TEXTS.map((name) => (
        <Field key={name} label={names[name]} className="md:w-36">
          <Input
            type="search"
            {...(name === 'user' ? { 'data-list-filter': true } : {})}
            value={text[name] ?? ''}
            onChange={(event) => setText({ ...text, [name]: event.target.value })}
            onBlur={applyText}
          />
        </Field>
      ))}
      <Field label={t('audit.outcome')} className="md:w-36">
        <Select
          value={query.outcome ?? ''}
          onChange={({ target: { value } }) => {
            const { outcome: _old, ...rest } = query;
            ask(value === 'done' || value === 'refused' ? { ...rest, outcome: value } : rest);
          }}
        >
          <option value="">{t('audit.all')}</option>
          <option value="done">{t('audit.done')}</option>
          <option value="refused">{t('audit.refused')}</option>
        </Select>
      </Field>
      {INSTANTS.map((name) => (
        <Field key={name} label={t(`audit.${name}`)} className="max-md:col-span-2 md:w-56">
          <Input
            type="datetime-local"
            defaultValue={localText(query[name])}
            onBlur={({ target: { value } }) => {
              const at = Date.parse(value);
              const { [name]: old, ...rest } = query;
              const next = Number.isNaN(at) ? undefined : new Date(at).toISOString();
              if (localText(old) !== value) ask(next === undefined ? rest : { ...rest, [name]: next });
            }}
          />
        </Field>
      ))}
      {Object.keys(query).length > 0 && <Button onClick={() => ask({})}>{t('audit.clear')}</Button>}
      <button type="submit" className="sr-only">
        {t('audit.action')}
      </button>
    </form>
  );
}

/** As a field for local time wants it; empty for none. */
function localText(instant: string | undefined): string {
  if (instant === undefined) return '';
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Target({ target, project }: { target: string; project: string | null }): ReactNode {
  const run = /^runs\/(\d+)/.exec(target)?.[1];
  const workflow = /^projects\/([^/]+)\/workflows\/([^/]+)$/.exec(target);
  return (
    <>
      {run !== undefined ? (
        <Link to="/runs/$run" params={{ run }} className="text-accent hover:underline">
          {target}
        </Link>
      ) : workflow !== null ? (
        <Link
          to="/projects/$project/workflows/$workflow"
          params={{ project: workflow[1]!, workflow: workflow[2]! }}
          className="break-all text-accent hover:underline"
        >
          {target}
        </Link>
      ) : (
        <span className="break-all">{target}</span>
      )}
      {project !== null && !target.startsWith(`projects/${project}`) && <p className="text-xs text-ink-2">{project}</p>}
    </>
  );
}
