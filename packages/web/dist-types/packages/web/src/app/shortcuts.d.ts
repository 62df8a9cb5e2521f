/** Keys that work everywhere but where something is being typed. `mod` is Command on a Mac, else Control; `g w` is g, then w within a second. */
import { type ReactNode } from 'react';
/** Binds keys while the component is mounted. The latest component to bind a key has it. */
export declare function useShortcuts(bindings: Record<string, () => void>): void;
export declare function ShortcutList({ open, onClose }: { open: boolean; onClose: () => void }): ReactNode;
