import type { ReactNode } from 'react';
export declare function RunPage(): ReactNode;
