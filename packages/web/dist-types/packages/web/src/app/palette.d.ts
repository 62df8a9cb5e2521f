import { type ReactNode } from 'react';
export declare function Palette({ open, onClose }: { open: boolean; onClose: () => void }): ReactNode;
