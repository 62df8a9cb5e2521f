import type { ReactNode } from 'react';
export declare function AdminPage(): ReactNode;
