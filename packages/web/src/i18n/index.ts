/**
 * Texts in English and Chinese. A page brings its own: `addTexts('runs', { en, zh })` in the module that is loaded with it, then `useTranslation('runs')`. English is the
 * measure: a key that Chinese lacks does not compile.
 */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { common as en } from './en.ts';
import type { Texts } from './texts.ts';
import { common as zh } from './zh.ts';

export const LANGUAGES = { en: 'English', zh: '中文' } as const;
export type Language = keyof typeof LANGUAGES;

const STORED = 'pelorus.language';

/** Called once, before anything is rendered. */
export function startTexts(): void {
  void i18next.use(initReactI18next).init({
    resources: { en: { common: en }, zh: { common: zh } },
    lng: language(),
    fallbackLng: 'en',
    defaultNS: 'common',
    ns: ['common'],
    interpolation: { escapeValue: false },
    returnNull: false,
  });
}

/** Adds the texts of a page; to be called as its module is loaded. */
export function addTexts<English extends object>(page: string, texts: { en: English; zh: Texts<English> }): void {
  i18next.addResourceBundle('en', page, texts.en);
  i18next.addResourceBundle('zh', page, texts.zh);
}

/** What is shown now. */
export function language(): Language {
  return document.documentElement.lang.startsWith('zh') ? 'zh' : 'en';
}

/** BCP 47, for dates and numbers. */
export function locale(): string {
  return language() === 'zh' ? 'zh-CN' : 'en-GB';
}

export function setLanguage(next: Language): void {
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Private windows may have no storage; it holds for this page then.
  }
  void i18next.changeLanguage(next);
}
