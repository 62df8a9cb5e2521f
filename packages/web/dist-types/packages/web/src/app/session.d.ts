import type { MeView } from '@pelorus/protocol';
import { type ReactNode } from 'react';
/** Of a page that is shown to people who are signed in only. */
export declare function useMe(): MeView;
/** Bits w 4, r 2, x 1 of the person in a project; administrators have all. */
export declare function useMay(project: string | null): {
  read: boolean;
  write: boolean;
  execute: boolean;
  own: boolean;
};
export declare function Session({ children }: { children: ReactNode }): ReactNode;
export declare function signOut(): Promise<void>;
