/** The editor: opens a workflow, or begins a new one. */
import './texts.ts';
import '../workflows/texts.ts';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { api } from '../../api/client.ts';
import { Spinner } from '../../ui/spinner.tsx';
import { ErrorState } from '../../ui/states.tsx';
import { SchemaBook } from './form/schema.ts';
import { newDefinition } from './templates.ts';
import { baseOf } from './use-saving.ts';
import { Workbench, type Chosen } from './workbench.tsx';

const EDIT = '/projects/$project/workflows/$workflow/edit';

export function NewWorkflowPage(): ReactNode {
  const { project, view, task } = useSearch({ from: '/workflows/new' });
  const navigate = useNavigate({ from: '/workflows/new' });
  const book = useSchemaBook();
  if (book.data === undefined) return <Waiting error={book.error} onRetry={() => void book.refetch()} />;
  return (
    <Workbench
      book={book.data}
      opened={null}
      format="yaml"
      source={newDefinition('new-workflow')}
      project={project ?? null}
      chosen={{ view, task }}
      onChoose={(next) =>
        void navigate({ search: (now) => ({ ...now, ...given(next) }), replace: true, ignoreBlocker: true })
      }
    />
  );
}

export function EditorPage(): ReactNode {
  const { project, workflow } = useParams({ from: EDIT });
  // Another workflow is another editor.
  return <Opened key={`${project}/${workflow}`} project={project} workflow={workflow} />;
}

function Opened({ project, workflow }: { project: string; workflow: string }): ReactNode {
  const { view, task } = useSearch({ from: EDIT });
  const navigate = useNavigate({ from: EDIT });
  const book = useSchemaBook();
  // As it is now, not as it was remembered; and it stays what was opened, whatever is saved.
  const [openedAt] = useState(() => Date.now());
  const opened = useQuery({
    queryKey: ['workflow-opened', project, workflow, openedAt],
    queryFn: ({ signal }) => api.workflows.get(project, workflow, signal),
    staleTime: Infinity,
    gcTime: 0,
  });
  if (opened.data === undefined || book.data === undefined)
    return (
      <Waiting
        error={opened.error ?? book.error}
        onRetry={() => {
          void opened.refetch();
          void book.refetch();
        }}
      />
    );
  return (
    <Workbench
      book={book.data}
      opened={baseOf(opened.data)}
      format={opened.data.format}
      source={opened.data.source}
      project={project}
      chosen={{ view, task }}
      onChoose={(next) =>
        void navigate({ search: (now) => ({ ...now, ...given(next) }), replace: true, ignoreBlocker: true })
      }
    />
  );
}

/** Empty texts take a choice out of the address. */
function given(next: Chosen): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(next).map(([key, value]) => [key, value === '' ? undefined : value]));
}

function useSchemaBook() {
  return useQuery({
    queryKey: ['workflow-schema'],
    queryFn: async ({ signal }) => new SchemaBook(await api.workflowSchema(signal)),
    staleTime: Infinity,
  });
}

function Waiting({ error, onRetry }: { error: Error | null; onRetry: () => void }): ReactNode {
  if (error !== null) return <ErrorState error={error} onRetry={onRetry} />;
  return (
    <div className="p-6">
      <Spinner />
    </div>
  );
}
