import type { ReactNode } from 'react';
export declare function WorkflowPage(): ReactNode;
