import type { ReactNode } from 'react';
import { useEffect } from 'react';

/** The head of a page with its title, which is also the window's, and its actions. */
export function Page({
  title,
  subtitle,
  actions,
  children,
}: {
  title: ReactNode;
  subtitle?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}): ReactNode {
  const text = typeof title === 'string' ? title : null;
  useEffect(() => {
    if (text !== null) document.title = `${text} · Pelorus`;
  }, [text]);
  return (
    <div className="flex min-h-full flex-col gap-4 p-4 md:p-6">
      <header className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <div className="min-w-0 grow">
          <h1 className="text-xl font-semibold break-words">{title}</h1>
          {subtitle && <div className="text-ink-2">{subtitle}</div>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Panel({
  title,
  actions,
  children,
  className = '',
}: {
  title?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
}): ReactNode {
  return (
    <section className={`rounded-lg border border-line bg-surface ${className}`}>
      {title && (
        <div className="flex min-h-11 items-center gap-2 border-b border-line px-4 py-1.5">
          <h2 className="grow font-semibold">{title}</h2>
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}
