/** Projects and what belongs to them, people and their rights, and what was done with these. */
import './texts.ts';
import type { ReactNode } from 'react';
export declare function AdminPage(): ReactNode;
