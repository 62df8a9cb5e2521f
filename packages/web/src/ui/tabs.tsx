/** Views of one thing, each with an address of its own; arrow keys move between them. */
import clsx from 'clsx';
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';

export interface TabLinkProps {
  role: 'tab';
  id: string;
  'aria-selected': boolean;
  'aria-controls': string | undefined;
  tabIndex: number;
  className: string;
}

export function Tabs<Id extends string>({
  label,
  tabs,
  shown,
  link,
  className,
}: {
  label: string;
  tabs: readonly Id[];
  shown: Id;
  link: (id: Id, props: TabLinkProps) => ReactNode;
  className?: string;
}): ReactNode {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a phone there is no room for all of them; the page itself is not to be scrolled.
    const [place, tab] = [list.current!, list.current!.querySelector<HTMLElement>('[aria-selected=true]')];
    if (tab === null) return;
    const [from, to] = [tab.offsetLeft - place.offsetLeft, tab.offsetLeft - place.offsetLeft + tab.offsetWidth];
    if (from < place.scrollLeft || to > place.scrollLeft + place.clientWidth)
      place.scrollLeft = from - (place.clientWidth - tab.offsetWidth) / 2;
  }, [shown]);
  return (
    <div
      ref={list}
      role="tablist"
      aria-label={label}
      className={clsx('flex overflow-x-auto border-b border-line md:gap-1', className)}
      onKeyDown={moveFocus}
    >
      {tabs.map((id) =>
        link(id, {
          role: 'tab',
          id: `tab-${id}`,
          'aria-selected': id === shown,
          'aria-controls': id === shown ? `panel-${id}` : undefined,
          tabIndex: id === shown ? 0 : -1,
          className: clsx(
            '-mb-px flex items-center gap-1.5 rounded-t border-b-2 px-2 py-2 whitespace-nowrap md:px-3 -outline-offset-2!',
            id === shown ? 'border-accent font-medium text-accent' : 'border-transparent text-ink-2 hover:text-ink',
          ),
        }),
      )}
    </div>
  );
}

function moveFocus(event: KeyboardEvent<HTMLDivElement>): void {
  const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return;
  const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=tab]')];
  const next = tabs.at((tabs.indexOf(document.activeElement as HTMLElement) + step) % tabs.length);
  event.preventDefault();
  next?.focus();
  next?.click();
}
