import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Page } from '../../ui/page.tsx';

export function OperationsPage(): ReactNode {
  const { t } = useTranslation();
  return <Page title={t('nav.operations')}>{null}</Page>;
}
