import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

/** To a task in the editor. */
export function EditTaskLink({
  view,
  task,
  children,
  className,
}: {
  view: { project: string; name: string };
  task: string;
  children: ReactNode;
  className: string;
}): ReactNode {
  return (
    <Link
      to="/projects/$project/workflows/$workflow/edit"
      params={{ project: view.project, workflow: view.name }}
      search={{ task }}
      preload={false}
      className={className}
    >
      {children}
    </Link>
  );
}
