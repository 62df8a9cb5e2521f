import type { ReactNode } from 'react';
export declare function BackfillsPage(): ReactNode;
