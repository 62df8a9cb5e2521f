/** A run by its number and workflow, as a link. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

export function RunName({ run }: { run: { id: number; project: string; workflow: string } }): ReactNode {
  return (
    <Link to="/runs/$run" params={{ run: String(run.id) }} className="group min-w-0 break-words">
      <span className="text-accent tabular-nums group-hover:underline">#{run.id}</span>{' '}
      <span className="text-ink-2">{run.project} / </span>
      <span className="font-medium group-hover:underline">{run.workflow}</span>
    </Link>
  );
}
