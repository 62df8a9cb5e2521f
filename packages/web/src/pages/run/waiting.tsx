/** Why nothing of a run is at work, when that is so: of the tasks that could start, what the first one waits for. */
import { isTerminalRun, type RunView, type TaskView } from '@pelorus/protocol';
import { Hourglass } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useWaitText } from '../../ui/cause-words.ts';

export function Waiting({
  run,
  tasks,
  onShow,
}: {
  run: RunView;
  tasks: readonly TaskView[];
  onShow: (task: string) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const waitText = useWaitText();
  const { running = 0, dispatched = 0, killing = 0 } = run.counts;
  if (isTerminalRun(run.state) || run.waitReason !== null || running + dispatched + killing > 0) return null;
  const waiting = tasks.filter(({ state, waitReason }) => waitReason !== null && state !== 'pending');
  const [first] = waiting;
  if (!first?.waitReason) return null;
  return (
    <p className="flex items-center gap-2 rounded-md bg-warn-soft px-3 py-1.5 text-warn">
      <Hourglass className="size-4 shrink-0" aria-hidden />
      <span className="min-w-0 break-words">
        <button type="button" className="font-semibold hover:underline" onClick={() => onShow(first.name)}>
          {first.name}
        </button>
        {t('waiting.because', { reason: waitText(first.waitReason) })}
        {waiting.length > 1 && t('waiting.more', { count: waiting.length - 1 })}
      </span>
    </p>
  );
}
