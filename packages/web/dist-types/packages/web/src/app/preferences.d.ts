import type { ReactNode } from 'react';
export declare function ThemeMenu(): ReactNode;
export declare function LanguageMenu(): ReactNode;
