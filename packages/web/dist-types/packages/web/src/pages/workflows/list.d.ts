/** All workflows that may be seen: filtered in the address, read as far as is scrolled, their last runs kept fresh by one stream. */
import './texts.ts';
import { type ReactNode } from 'react';
export declare function WorkflowsPage(): ReactNode;
