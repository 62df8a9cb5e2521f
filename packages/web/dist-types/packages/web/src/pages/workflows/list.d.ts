import type { ReactNode } from 'react';
export declare function WorkflowsPage(): ReactNode;
