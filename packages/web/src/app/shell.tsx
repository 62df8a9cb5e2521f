/** What surrounds every page: navigation, search, preferences. On a phone the navigation stands at the bottom. */
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import clsx from 'clsx';
import {
  CalendarClock,
  CircleHelp,
  History,
  House,
  LifeBuoy,
  ListChecks,
  Search,
  Settings,
  UserRound,
  Workflow,
} from 'lucide-react';
import { lazy, Suspense, useEffect, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../ui/button.tsx';
import { Menu, MenuItem, MenuSeparator } from '../ui/menu.tsx';
import { MaintenanceBanner } from './maintenance.tsx';
import { LanguageMenu, ThemeMenu } from './preferences.tsx';
import { signOut, useMe } from './session.tsx';
import { ShortcutList, useShortcuts } from './shortcuts.tsx';
import { StoreBanner } from './store-banner.tsx';

const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }));
/** The palette comes after the page, so that the page need not wait for it. */
const PALETTE_AFTER_MS = 2000;

const PLACES = [
  { to: '/', key: 'home', icon: House, exact: true },
  { to: '/workflows', key: 'workflows', icon: Workflow, exact: false },
  { to: '/runs', key: 'runs', icon: ListChecks, exact: false },
  { to: '/schedules', key: 'schedules', icon: CalendarClock, exact: false },
  { to: '/backfills', key: 'backfills', icon: History, exact: false },
  { to: '/operations', key: 'operations', icon: LifeBuoy, exact: false },
  { to: '/admin', key: 'admin', icon: Settings, exact: false },
] as const;

export function Shell(): ReactNode {
  const { t } = useTranslation();
  const [open, setOpen] = useState<'palette' | 'shortcuts' | null>(null);
  const [isLater, setLater] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLater(true), PALETTE_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  const isPaletteThere = isLater || open === 'palette';
  const navigate = useNavigate();
  useShortcuts({
    'mod+k': () => setOpen('palette'),
    '?': () => setOpen('shortcuts'),
    'g h': () => void navigate({ to: '/' }),
    'g w': () => void navigate({ to: '/workflows' }),
    'g r': () => void navigate({ to: '/runs' }),
    'g s': () => void navigate({ to: '/schedules' }),
    'g b': () => void navigate({ to: '/backfills' }),
    'g a': () => void navigate({ to: '/admin' }),
    'g o': () => void navigate({ to: '/operations' }),
    '/': () => document.querySelector<HTMLInputElement>('[data-list-filter]')?.focus(),
  });
  return (
    <div className="flex h-full flex-col md:flex-row">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded focus:bg-surface focus:px-3 focus:py-2"
      >
        {t('nav.skip')}
      </a>
      <div className="order-last flex shrink-0 border-t border-line bg-surface-2 md:order-first md:w-52 md:flex-col md:border-e md:border-t-0">
        <div className="hidden items-center gap-2 px-4 py-3 text-lg font-semibold md:flex">
          <img src="/favicon.svg" alt="" className="size-6" /> {t('product')}
        </div>
        <nav aria-label={t('nav.main')} className="flex grow overflow-x-auto md:flex-col md:gap-0.5 md:px-2">
          {PLACES.map(({ to, key, icon: Icon, exact }) => (
            <Link
              key={to}
              to={to}
              activeOptions={{ exact, includeSearch: false }}
              className="group flex min-w-0 flex-1 flex-col items-center gap-0.5 rounded-md py-2 text-[10px] tracking-tight text-ink-2 hover:bg-surface-3 data-[status=active]:bg-accent-soft data-[status=active]:font-medium data-[status=active]:text-accent md:flex-none md:flex-row md:gap-2.5 md:px-2 md:text-sm md:tracking-normal"
            >
              <Icon className="size-5 shrink-0 md:size-4" aria-hidden />
              {key === 'operations' || key === 'admin' ? (
                <>
                  <span className="max-md:hidden">{t(`nav.${key}`)}</span>
                  <span className="md:hidden">{t(`nav.short.${key}`)}</span>
                </>
              ) : (
                <span className="max-w-full truncate">{t(`nav.${key}`)}</span>
              )}
            </Link>
          ))}
        </nav>
      </div>
      <div className="flex min-h-0 min-w-0 grow flex-col">
        <header className="flex items-center gap-1 border-b border-line px-3 py-1.5">
          <button
            type="button"
            onClick={() => setOpen('palette')}
            className="flex min-h-9 grow items-center gap-2 rounded-md border border-line bg-surface-2 px-3 text-ink-2 hover:border-line-strong md:max-w-md md:grow-0 md:basis-96"
          >
            <Search className="size-4" aria-hidden />
            <span className="grow truncate text-start">{t('palette.open')}</span>
            <kbd className="hidden text-xs md:inline">{isMac() ? '⌘K' : 'Ctrl K'}</kbd>
          </button>
          <span className="grow" />
          <IconButton label={t('shortcuts.title')} className="max-md:hidden" onClick={() => setOpen('shortcuts')}>
            <CircleHelp className="size-4" aria-hidden />
          </IconButton>
          <LanguageMenu />
          <ThemeMenu />
          <AccountMenu />
        </header>
        <StoreBanner />
        <MaintenanceBanner />
        <main id="content" tabIndex={-1} className={clsx('min-h-0 grow overflow-auto outline-none')}>
          <Outlet />
        </main>
      </div>
      {isPaletteThere && (
        <Suspense>
          <Palette open={open === 'palette'} onClose={() => setOpen(null)} />
        </Suspense>
      )}
      <ShortcutList open={open === 'shortcuts'} onClose={() => setOpen(null)} />
    </div>
  );
}

function AccountMenu(): ReactNode {
  const { t } = useTranslation();
  const me = useMe();
  const navigate = useNavigate();
  return (
    <Menu label={t('session.account')} icon={<UserRound className="size-4" aria-hidden />} text={me.user}>
      <MenuItem onClick={() => void navigate({ to: '/account' })}>{t('session.account')}</MenuItem>
      <MenuSeparator />
      <MenuItem onClick={() => void signOut()}>{t('session.signOut')}</MenuItem>
    </Menu>
  );
}

export function isMac(): boolean {
  return navigator.platform.startsWith('Mac');
}
