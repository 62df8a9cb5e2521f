import { RUN_STATES } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { SlidersHorizontal } from 'lucide-react';
import { useDeferredValue, useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input, Select } from '../../ui/field.tsx';
import { STATE_LOOK, TONE_CLASS } from '../../ui/state-badge.tsx';
import { statesOf, today, type RunsSearch } from './filter.ts';

const PRESETS = {
  failed: () => ({ state: 'failed,dependency_failed', since: today() }),
  running: () => ({ state: 'queued,running,pausing,stopping' }),
  waiting: () => ({ state: 'waiting,paused' }),
} satisfies Record<string, () => RunsSearch>;

export function FilterBar(): ReactNode {
  const { t } = useTranslation('runs');
  const search = useSearch({ from: '/runs' });
  const navigate = useNavigate({ from: '/runs' });
  const projects = useQuery({ queryKey: ['projects'], queryFn: ({ signal }) => api.projects.list(signal) });
  const [open, setOpen] = useState(() =>
    [search.workflow, search.user, search.since, search.until, search.label].some(Boolean),
  );
  const change = (part: RunsSearch): void =>
    void navigate({ search: (now) => withoutEmpty({ ...now, ...part }), replace: true });
  const [text, setText] = useState(search.q ?? '');
  const asked = useDeferredValue(text.trim());
  useEffect(() => {
    if (asked !== (search.q ?? '')) change({ q: asked });
    // What is typed changes the address, and not the other way round.
  }, [asked]);
  const chosen = statesOf(search);
  const toggle = (state: (typeof chosen)[number]): void =>
    change({
      state: (chosen.includes(state) ? chosen.filter((each) => each !== state) : [...chosen, state]).join(','),
    });
  return (
    <div className="grid gap-2">
      <div className="flex flex-wrap items-center gap-2">
        <Input
          type="search"
          data-list-filter
          className="max-w-80"
          aria-label={t('filter')}
          placeholder={t('filter')}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Select
          className="max-w-48"
          aria-label={t('project')}
          value={search.project ?? ''}
          onChange={(event) => change({ project: event.target.value })}
        >
          <option value="">{t('allProjects')}</option>
          {projects.data?.items.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
        <Select
          className="max-w-48"
          aria-label={t('kind')}
          value={search.execType ?? ''}
          onChange={(event) => change({ execType: event.target.value })}
        >
          <option value="">
            {t('kind')}: {t('anyKind')}
          </option>
          {(['DIRECT', 'SCHEDULER', 'COMPLEMENT_DATA'] as const).map((kind) => (
            <option key={kind} value={kind}>
              {t(`kinds.${kind}`)}
            </option>
          ))}
        </Select>
        <Button aria-expanded={open} onClick={() => setOpen(!open)}>
          <SlidersHorizontal className="size-4" aria-hidden /> {t('moreFilters')}
        </Button>
        {(Object.keys(PRESETS) as (keyof typeof PRESETS)[]).map((name) => (
          <Button key={name} kind="quiet" size="small" onClick={() => change({ since: '', ...PRESETS[name]() })}>
            {t(`presets.${name}`)}
          </Button>
        ))}
        {Object.values(search).some(Boolean) && (
          <Button
            kind="quiet"
            size="small"
            onClick={() => {
              setText('');
              void navigate({ search: {} });
            }}
          >
            {t('clear')}
          </Button>
        )}
      </div>
      <div role="group" aria-label={t('state')} className="flex flex-wrap gap-1">
        {RUN_STATES.map((state) => {
          const { tone, icon: Icon } = STATE_LOOK[state];
          const on = chosen.includes(state);
          return (
            <button
              key={state}
              type="button"
              aria-pressed={on}
              onClick={() => toggle(state)}
              className={clsx(
                'inline-flex min-h-6 items-center gap-1 rounded-full border px-2 text-xs',
                on ? [TONE_CLASS[tone], 'border-current font-medium'] : 'border-line text-ink-2 hover:bg-surface-3',
              )}
            >
              <Icon className="size-3.5" aria-hidden /> {t(`state.${state}`, { ns: 'common' })}
            </button>
          );
        })}
      </div>
      {open && (
        <div className="grid gap-3 rounded-lg border border-line bg-surface-2 p-3 sm:grid-cols-2 lg:grid-cols-5">
          <Field label={t('workflow')} hint={t('workflowHint')}>
            <Input value={search.workflow ?? ''} onChange={(event) => change({ workflow: event.target.value })} />
          </Field>
          <Field label={t('user')}>
            <Input value={search.user ?? ''} onChange={(event) => change({ user: event.target.value })} />
          </Field>
          <Field label={t('since')}>
            <Input
              type="date"
              value={(search.since ?? '').slice(0, 10)}
              onChange={(event) => change({ since: event.target.value })}
            />
          </Field>
          <Field label={t('until')}>
            <Input
              type="date"
              value={(search.until ?? '').slice(0, 10)}
              onChange={(event) => change({ until: event.target.value })}
            />
          </Field>
          <Field label={t('label')}>
            <Input value={search.label ?? ''} onChange={(event) => change({ label: event.target.value })} />
          </Field>
        </div>
      )}
    </div>
  );
}

function withoutEmpty(search: RunsSearch): RunsSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value));
}
