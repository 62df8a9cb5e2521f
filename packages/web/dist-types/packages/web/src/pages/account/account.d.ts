/** Who one is here, and what one may change about that oneself. */
import './texts.ts';
import { type ReactNode } from 'react';
export declare function AccountPage(): ReactNode;
