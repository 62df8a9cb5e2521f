import type { ReactNode } from 'react';
export declare function RunsPage(): ReactNode;
