import type { MeView } from '@pelorus/protocol';
import { type ReactNode } from 'react';
export declare function SignInPage({ onSignedIn }: { onSignedIn: (me: MeView) => void }): ReactNode;
