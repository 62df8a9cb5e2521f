import type { ReactNode } from 'react';
export declare function NewWorkflowPage(): ReactNode;
export declare function EditorPage(): ReactNode;
