import type { ReactNode } from 'react';
export declare function AccountPage(): ReactNode;
