/** The parts of administration that are of one project, which is chosen above them. */
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import type { ComponentType, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../../api/client.ts';
import { buttonClass } from '../../ui/button.tsx';
import { Select } from '../../ui/field.tsx';
import { Spinner } from '../../ui/spinner.tsx';
import { EmptyState, ErrorState } from '../../ui/states.tsx';

export function OfProject({ tab, part: Part }: { tab: string; part: ComponentType<{ project: string }> }): ReactNode {
  const { t } = useTranslation('admin');
  const { project: asked } = useSearch({ from: '/admin' });
  const navigate = useNavigate({ from: '/admin' });
  const { data, error, refetch } = useQuery({
    queryKey: ['projects'],
    queryFn: ({ signal }) => api.projects.list(signal),
  });
  if (data === undefined)
    return error === null ? <Spinner /> : <ErrorState error={error} onRetry={() => void refetch()} />;
  const project = asked ?? data.items[0]?.name;
  if (project === undefined)
    return (
      <EmptyState
        title={t('noProject')}
        action={
          <Link to="/admin" className={buttonClass()}>
            {t('tabs.projects')}
          </Link>
        }
      >
        {t('noProjectHint')}
      </EmptyState>
    );
  return (
    <div className="grid gap-3">
      <label className="flex max-w-md items-center gap-2">
        <span className="whitespace-nowrap text-ink-2">{t('project')}</span>
        <Select
          value={project}
          onChange={(event) => void navigate({ search: { tab, project: event.target.value }, replace: true })}
        >
          {!data.items.some(({ name }) => name === project) && <option>{project}</option>}
          {data.items.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
      </label>
      <Part key={project} project={project} />
    </div>
  );
}
