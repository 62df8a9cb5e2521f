import { type ReactNode } from 'react';
export declare function Shell(): ReactNode;
export declare function isMac(): boolean;
