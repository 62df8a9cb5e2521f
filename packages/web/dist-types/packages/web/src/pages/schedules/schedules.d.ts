import type { ReactNode } from 'react';
export declare function SchedulesPage(): ReactNode;
