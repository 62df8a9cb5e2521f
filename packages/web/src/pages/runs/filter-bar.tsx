/** What the list of runs is filtered by; all of it stands in the address. */
import { RUN_STATES, type RunState } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import clsx from 'clsx';
import { SlidersHorizontal, X } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { withoutEmpty } from '../../app/search-params.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input, Select } from '../../ui/field.tsx';
import { FilterInput } from '../../ui/filter-input.tsx';
import { STATE_LOOK, TONE_CLASS } from '../../ui/state-badge.tsx';
import { KINDS, statesOf, today, type RunsSearch } from './filter.ts';

const CHIP = 'inline-flex min-h-7 items-center gap-1 rounded-full border px-2 text-xs whitespace-nowrap md:min-h-6';
const PRESETS = {
  failed: () => ({ state: 'failed,dependency_failed', since: today() }),
  running: () => ({ state: 'queued,running,pausing,stopping' }),
  waiting: () => ({ state: 'waiting,paused' }),
} satisfies Record<string, () => RunsSearch>;

/** Takes over a part of the address; empty texts take it out. */
type Change = (part: RunsSearch) => void;

export function FilterBar(): ReactNode {
  const { t } = useTranslation('runs');
  const search = useSearch({ from: '/runs' });
  const navigate = useNavigate({ from: '/runs' });
  const [open, setOpen] = useState(() =>
    [search.workflow, search.user, search.since, search.until, search.label].some(Boolean),
  );
  const change: Change = (part) => void navigate({ search: (now) => withoutEmpty({ ...now, ...part }), replace: true });
  return (
    <div className="grid gap-2">
      <div className="grid grid-cols-2 gap-2 md:flex md:flex-wrap md:items-center">
        <FilterInput
          className="max-md:col-span-2 md:max-w-80"
          label={t('filter')}
          value={search.q ?? ''}
          onChange={(q) => change({ q })}
        />
        <ProjectSelect search={search} onChange={change} />
        <KindSelect search={search} onChange={change} />
        <Button aria-expanded={open} onClick={() => setOpen(!open)}>
          <SlidersHorizontal className="size-4" aria-hidden /> {t('moreFilters')}
        </Button>
        <Button
          kind="quiet"
          disabled={!Object.values(search).some(Boolean)}
          onClick={() => void navigate({ search: {} })}
        >
          <X className="size-4" aria-hidden /> {t('clear')}
        </Button>
      </div>
      {/* On a phone one line that is pushed aside. */}
      <div className="flex gap-1 overflow-x-auto py-0.5 max-md:-mx-4 max-md:px-4 md:flex-wrap">
        <Presets onChange={change} />
        <StateChips chosen={statesOf(search)} onChange={change} />
      </div>
      {open && <MoreFilters search={search} onChange={change} />}
    </div>
  );
}

interface FilterProps {
  search: RunsSearch;
  onChange: Change;
}

function ProjectSelect({ search, onChange }: FilterProps): ReactNode {
  const { t } = useTranslation('runs');
  const projects = useQuery({ queryKey: ['projects'], queryFn: ({ signal }) => api.projects.list(signal) });
  return (
    <Select
      className="md:max-w-48"
      aria-label={t('project')}
      value={search.project ?? ''}
      onChange={(event) => onChange({ project: event.target.value })}
    >
      <option value="">{t('allProjects')}</option>
      {projects.data?.items.map(({ name }) => (
        <option key={name}>{name}</option>
      ))}
    </Select>
  );
}

function KindSelect({ search, onChange }: FilterProps): ReactNode {
  const { t } = useTranslation('runs');
  return (
    <Select
      className="md:max-w-48"
      aria-label={t('kind')}
      value={search.execType ?? ''}
      onChange={(event) => onChange({ execType: event.target.value })}
    >
      <option value="">{t('anyKind')}</option>
      {KINDS.map((kind) => (
        <option key={kind} value={kind}>
          {t(`kinds.${kind}`)}
        </option>
      ))}
    </Select>
  );
}

function Presets({ onChange }: { onChange: Change }): ReactNode {
  const { t } = useTranslation('runs');
  return (
    <div role="group" aria-label={t('quick')} className="me-1 flex shrink-0 gap-1 border-e border-line pe-2">
      {(Object.keys(PRESETS) as (keyof typeof PRESETS)[]).map((name) => (
        <button
          key={name}
          type="button"
          onClick={() => onChange({ since: '', ...PRESETS[name]() })}
          className={clsx(CHIP, 'border-line-strong font-medium hover:bg-surface-3')}
        >
          {t(`presets.${name}`)}
        </button>
      ))}
    </div>
  );
}

function StateChips({ chosen, onChange }: { chosen: readonly RunState[]; onChange: Change }): ReactNode {
  const { t } = useTranslation('runs');
  const toggle = (state: RunState): void => {
    const next = chosen.includes(state) ? chosen.filter((each) => each !== state) : [...chosen, state];
    onChange({ state: next.join(',') });
  };
  return (
    <div role="group" aria-label={t('state')} className="flex shrink-0 gap-1 md:shrink md:flex-wrap">
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
              CHIP,
              on ? [TONE_CLASS[tone], 'border-current font-medium'] : 'border-line text-ink-2 hover:bg-surface-3',
            )}
          >
            <Icon className="size-3.5" aria-hidden /> {t(`state.${state}`, { ns: 'common' })}
          </button>
        );
      })}
    </div>
  );
}

function MoreFilters({ search, onChange }: FilterProps): ReactNode {
  const { t } = useTranslation('runs');
  return (
    <div className="grid gap-3 rounded-lg border border-line bg-surface-2 p-3 sm:grid-cols-2 lg:grid-cols-5">
      <Field label={t('workflow')} hint={t('workflowHint')}>
        <Input value={search.workflow ?? ''} onChange={(event) => onChange({ workflow: event.target.value })} />
      </Field>
      <Field label={t('user')}>
        <Input value={search.user ?? ''} onChange={(event) => onChange({ user: event.target.value })} />
      </Field>
      <Field label={t('since')}>
        <Input
          type="date"
          value={(search.since ?? '').slice(0, 10)}
          onChange={(event) => onChange({ since: event.target.value })}
        />
      </Field>
      <Field label={t('until')}>
        <Input
          type="date"
          value={(search.until ?? '').slice(0, 10)}
          onChange={(event) => onChange({ until: event.target.value })}
        />
      </Field>
      <Field label={t('label')}>
        <Input value={search.label ?? ''} onChange={(event) => onChange({ label: event.target.value })} />
      </Field>
    </div>
  );
}
