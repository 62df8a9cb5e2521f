import type { ReactNode } from 'react';
export declare function HomePage(): ReactNode;
