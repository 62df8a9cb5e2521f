import type { ReactNode } from 'react';
export declare function NotFound(): ReactNode;
