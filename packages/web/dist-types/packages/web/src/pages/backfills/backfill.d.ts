import type { ReactNode } from 'react';
export declare function BackfillPage(): ReactNode;
