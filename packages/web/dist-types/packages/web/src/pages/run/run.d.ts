import { type ReactNode } from 'react';
import './texts.ts';
export declare function RunPage(): ReactNode;
