/** How one wants to see the console: light or dark, and in which language. */
import { Languages, Monitor, Moon, Sun } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { LANGUAGES, language, setLanguage, type Language } from '../i18n/index.ts';
import { Menu, MenuRadio } from '../ui/menu.tsx';
import { setTheme, useTheme, type Theme } from './theme.ts';

const ICONS = { light: Sun, dark: Moon, system: Monitor } satisfies Record<Theme, unknown>;

export function ThemeMenu(): ReactNode {
  const { t } = useTranslation();
  const { theme } = useTheme();
  const Icon = ICONS[theme];
  return (
    <Menu label={t('theme.label')} icon={<Icon className="size-4" aria-hidden />}>
      <MenuRadio
        value={theme}
        onChange={(value) => setTheme(value as Theme)}
        choices={(['light', 'dark', 'system'] as const).map((value) => ({ value, text: t(`theme.${value}`) }))}
      />
    </Menu>
  );
}

export function LanguageMenu(): ReactNode {
  const { t, i18n } = useTranslation();
  return (
    <Menu label={t('language')} icon={<Languages className="size-4" aria-hidden />}>
      <MenuRadio
        key={i18n.language}
        value={language()}
        onChange={(value) => setLanguage(value as Language)}
        choices={Object.entries(LANGUAGES).map(([value, text]) => ({ value, text }))}
      />
    </Menu>
  );
}
