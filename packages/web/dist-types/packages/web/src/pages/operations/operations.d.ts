/** What carries the work: who decides, who runs, and why something does not run yet. Asked again every few seconds while it is looked at. */
import './texts.ts';
import type { ReactNode } from 'react';
export declare function OperationsPage(): ReactNode;
