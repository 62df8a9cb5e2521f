import type { Texts } from './texts.ts';
export declare const LANGUAGES: {
  readonly en: 'English';
  readonly zh: '中文';
};
export type Language = keyof typeof LANGUAGES;
/** Called once, before anything is rendered. */
export declare function startTexts(): void;
/** Adds the texts of a page; to be called as its module is loaded. */
export declare function addTexts<English extends object>(
  page: string,
  texts: {
    en: English;
    zh: Texts<English>;
  },
): void;
/** What is shown now. */
export declare function language(): Language;
/** BCP 47, for dates and numbers. */
export declare function locale(): string;
export declare function setLanguage(next: Language): void;
