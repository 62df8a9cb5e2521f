/** When a workflow runs by itself, in words. */
import type { ScheduleSpec } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { language } from '../../i18n/index.ts';

/** The expression itself where there are no words for it, or not yet. */
export function useCronWords(cron: string): string {
  const { i18n } = useTranslation();
  const shown = i18n.language === 'zh' ? 'zh' : language();
  const { data } = useQuery({
    queryKey: ['cron-words', cron, shown],
    queryFn: async () => (await import('@pelorus/protocol/cron-words')).cronInWords(cron, shown),
    staleTime: Infinity,
  });
  return data ?? cron;
}

export function ScheduleWords({ schedule }: { schedule: ScheduleSpec | null }): ReactNode {
  const { t } = useTranslation('workflow');
  if (schedule === null) return <span className="text-ink-2">{t('noSchedule')}</span>;
  return <Words schedule={schedule} />;
}

function Words({ schedule }: { schedule: ScheduleSpec }): ReactNode {
  const words = useCronWords(schedule.cron);
  return (
    <>
      {words} <span className="text-ink-2">({schedule.timezone})</span>
    </>
  );
}
