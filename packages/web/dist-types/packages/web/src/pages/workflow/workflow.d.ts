/** One workflow: what it is, how it went, who changed it. The view that is open stands in the address. */
import './texts.ts';
import '../workflows/texts.ts';
import { type ReactNode } from 'react';
declare const TABS: readonly ['overview', 'history', 'runs', 'versions', 'schedule'];
export type WorkflowTab = (typeof TABS)[number];
export declare function WorkflowPage(): ReactNode;
export {};
