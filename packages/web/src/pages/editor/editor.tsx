import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Page } from '../../ui/page.tsx';

export function NewWorkflowPage(): ReactNode {
  const { t } = useTranslation();
  return <Page title={t('nav.workflows')}>{null}</Page>;
}

export function EditorPage(): ReactNode {
  const { t } = useTranslation();
  return <Page title={t('nav.workflows')}>{null}</Page>;
}
