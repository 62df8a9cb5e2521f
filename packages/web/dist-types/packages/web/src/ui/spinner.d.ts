import type { ReactNode } from 'react';
/** Something is on its way. */
export declare function Spinner({ label }: { label?: string }): ReactNode;
