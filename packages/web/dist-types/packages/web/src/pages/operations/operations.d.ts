import type { ReactNode } from 'react';
export declare function OperationsPage(): ReactNode;
