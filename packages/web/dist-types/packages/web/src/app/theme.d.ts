export type Theme = 'light' | 'dark' | 'system';
export declare function setTheme(theme: Theme): void;
export declare function useTheme(): {
  theme: Theme;
  isDark: boolean;
};
