/** The editor: opens a workflow, or begins a new one. */
import './texts.ts';
import '../workflows/texts.ts';
import { type ReactNode } from 'react';
export declare function NewWorkflowPage(): ReactNode;
export declare function EditorPage(): ReactNode;
