/** What needs somebody first: failures with their causes, what is late, what is running, and how much there was. */
import './texts.ts';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { api, queries } from '../../api/client.ts';
import { useRunsFeed } from '../../api/run-live.ts';
import { Page } from '../../ui/page.tsx';
import { EVER } from '../workflow/ever.ts';
import { FailedPanel } from './failed-panel.tsx';
import { LatePanel } from './late-panel.tsx';
import { NextPanel } from './next-panel.tsx';
import { RunningPanel } from './running-panel.tsx';
import { ThroughputPanel } from './throughput-panel.tsx';
import { Welcome } from './welcome.tsx';

const DAY_MS = 24 * 3_600_000;
/** News of runs come in once in this time at most. */
const EVERY_MS = 2000;
const ANY_PROJECT = {};

export function HomePage(): ReactNode {
  const { t } = useTranslation('home');
  // Of the time when the page was opened, so that the questions stay the same.
  const [since] = useState(() => new Date(Date.now() - DAY_MS).toISOString());
  const ever = useQuery({
    queryKey: ['home', 'ever'],
    queryFn: ({ signal }) => api.runs.list({ submittedAfter: EVER, limit: 1 }, signal),
  });
  useRunsFeed(
    ANY_PROJECT,
    useCallback(() => void queries.invalidateQueries({ queryKey: ['home'] }), []),
    EVERY_MS,
  );
  if (ever.data?.items.length === 0)
    return (
      <Page title={t('title')}>
        <Welcome />
      </Page>
    );
  return (
    <Page title={t('title')}>
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <div className="grid min-w-0 gap-4">
          <FailedPanel since={since} />
          <LatePanel since={since} />
        </div>
        <div className="grid min-w-0 gap-4">
          <RunningPanel />
          <NextPanel />
        </div>
      </div>
      <ThroughputPanel />
    </Page>
  );
}
