/** Search or jump: pages, workflows by part of their name, runs by number. */
import { Dialog as Base } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Command } from 'cmdk';
import { useDeferredValue, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api } from '../api/client.ts';

const PAGES = ['home', 'workflows', 'runs', 'schedules', 'backfills', 'operations', 'admin'] as const;

export function Palette({ open, onClose }: { open: boolean; onClose: () => void }): ReactNode {
  const { t } = useTranslation();
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/45" />
        <Base.Popup
          className="fixed top-[12vh] left-1/2 z-50 w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 rounded-lg border border-line bg-surface text-ink shadow-xl outline-none"
          aria-label={t('palette.open')}
        >
          <Choices onChosen={onClose} />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

function Choices({ onChosen }: { onChosen: () => void }): ReactNode {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const asked = useDeferredValue(text.trim());
  const run = /^#?(\d{1,15})$/.exec(asked)?.[1];
  const { data } = useQuery({
    queryKey: ['palette', asked],
    queryFn: ({ signal }) => api.workflows.list({ q: asked, limit: 10 }, signal),
    enabled: asked.length > 0 && run === undefined,
    placeholderData: (before) => before,
  });
  const go = (act: () => Promise<void>): void => {
    onChosen();
    void act();
  };
  return (
    <Command label={t('palette.open')} loop>
      <Command.Input
        autoFocus
        value={text}
        onValueChange={setText}
        placeholder={t('palette.placeholder')}
        className="w-full border-b border-line bg-transparent px-4 py-3 outline-none placeholder:text-ink-3"
      />
      <Command.List className="max-h-80 overflow-auto p-1">
        <Command.Empty className="px-4 py-3 text-ink-2">{t('palette.empty')}</Command.Empty>
        {run !== undefined && (
          <Item value={`run ${asked}`} onSelect={() => go(() => navigate({ to: '/runs/$run', params: { run } }))}>
            {t('nav.runs')} <span className="font-mono">#{run}</span>
          </Item>
        )}
        {(data?.items ?? []).map(({ project, name }) => (
          <Item
            key={`${project}/${name}`}
            value={`${project}/${name}`}
            onSelect={() =>
              go(() => navigate({ to: '/projects/$project/workflows/$workflow', params: { project, workflow: name } }))
            }
          >
            <span className="text-ink-2">{project} /</span> {name}
          </Item>
        ))}
        {PAGES.map((page) => (
          <Item
            key={page}
            value={`${page} ${t(`nav.${page}`)}`}
            onSelect={() => go(() => navigate({ to: page === 'home' ? '/' : `/${page}` }))}
          >
            {t(`nav.${page}`)}
          </Item>
        ))}
      </Command.List>
    </Command>
  );
}

function Item({ value, onSelect, children }: { value: string; onSelect: () => void; children: ReactNode }): ReactNode {
  return (
    <Command.Item
      value={value}
      onSelect={onSelect}
      className="flex min-h-9 cursor-default items-center gap-2 rounded px-3 py-1.5 data-[selected=true]:bg-surface-3"
    >
      {children}
    </Command.Item>
  );
}
