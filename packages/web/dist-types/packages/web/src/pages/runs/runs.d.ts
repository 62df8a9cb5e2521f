/** All runs that may be seen: filtered in the address, live, and handled many at once. */
import './texts.ts';
import { type ReactNode } from 'react';
export declare function RunsPage(): ReactNode;
