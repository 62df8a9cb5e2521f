import type { ReactNode } from 'react';
export declare function BackfillWizardPage(): ReactNode;
