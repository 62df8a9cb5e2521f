/** A workflow, by its project and its name; names are offered as one types. */
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useId, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client.ts';
import { addTexts } from '../i18n/index.ts';
import { Field, Input, Select } from './field.tsx';

addTexts('workflowPicker', {
  en: { project: 'Project', choose: 'Choose a project', workflow: 'Workflow', hint: 'Type a part of its name' },
  zh: { project: '项目', choose: '选择项目', workflow: '工作流', hint: '输入名称的一部分' },
});

const OFFERED = 100;

export interface ChosenWorkflow {
  project: string;
  workflow: string;
}

export function WorkflowPicker({
  chosen: { project, workflow },
  onChange,
  disabled = false,
}: {
  chosen: ChosenWorkflow;
  onChange: (chosen: ChosenWorkflow) => void;
  disabled?: boolean;
}): ReactNode {
  const { t } = useTranslation('workflowPicker');
  const names = useId();
  const typed = useDeferredValue(workflow);
  const projects = useQuery({ queryKey: ['projects'], queryFn: ({ signal }) => api.projects.list(signal) });
  const offered = useQuery({
    queryKey: ['workflows', 'offered', project, typed],
    queryFn: ({ signal }) =>
      api.workflows.list({ project, limit: OFFERED, ...(typed === '' ? {} : { q: typed }) }, signal),
    enabled: project !== '' && !disabled,
    placeholderData: (before) => before,
  });
  return (
    <div className="grid items-start gap-3 sm:grid-cols-2">
      <Field label={t('project')}>
        <Select
          required
          disabled={disabled}
          value={project}
          onChange={(event) => onChange({ project: event.target.value, workflow: '' })}
        >
          <option value="">{t('choose')}</option>
          {project !== '' && !projects.data?.items.some(({ name }) => name === project) && <option>{project}</option>}
          {projects.data?.items.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
      </Field>
      <Field label={t('workflow')} {...(disabled ? {} : { hint: t('hint') })}>
        <Input
          required
          disabled={disabled || project === ''}
          list={names}
          autoComplete="off"
          value={workflow}
          onChange={(event) => onChange({ project, workflow: event.target.value })}
        />
      </Field>
      <datalist id={names}>
        {offered.data?.items.map(({ name }) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  );
}
