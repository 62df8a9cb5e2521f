/** Why a run failed, before anything else: the first task that did, the cause, and the ways on. */
import type { RunView, TaskView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { CircleX, FileText } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Button } from '../../ui/button.tsx';
import { useCauseText } from '../../ui/cause-words.ts';
import { api } from '../../api/client.ts';
import { levelOf, plainText } from './log/ansi.ts';

const LINES_LOOKED_AT = 60;
const SHOWN_CHARACTERS = 300;

export function Failure({
  run,
  tasks,
  onShow,
}: {
  run: RunView;
  tasks: readonly TaskView[];
  /** Shows the log of a task. */
  onShow: (task: string) => void;
}): ReactNode {
  const { t } = useTranslation('run');
  const causeText = useCauseText();
  const { firstFailure } = run;
  const attempt = tasks.find(({ name }) => name === firstFailure?.task)?.attempts.at(-1);
  const told = useQuery({
    queryKey: ['failure-line', attempt?.id, attempt?.endedAt],
    queryFn: async ({ signal }) => tellingLine(await api.attempts.logs(attempt!.id, { tail: LINES_LOOKED_AT }, signal)),
    enabled: attempt !== undefined && attempt.endedAt !== null && attempt.childRun === null,
    staleTime: Infinity,
    retry: false,
  });
  if (firstFailure === null) return null;
  const { task, cause } = firstFailure;
  return (
    <section
      aria-label={t('failure.title')}
      className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-lg border border-bad bg-bad-soft px-3 py-2 text-bad"
    >
      <CircleX className="size-5 shrink-0" aria-hidden />
      <p className="min-w-0 grow basis-64">
        <span className="font-semibold">{t('failure.first', { task })}</span>{' '}
        <span className="break-words">{causeText(cause)}</span>
        {typeof told.data === 'string' && <span className="mt-0.5 block font-mono text-xs break-all">{told.data}</span>}
      </p>
      <div className="flex flex-wrap gap-2">
        <Button size="small" onClick={() => onShow(task)}>
          <FileText className="size-3.5" aria-hidden /> {t('failure.log')}
        </Button>
      </div>
    </section>
  );
}

/** The last line of a log that speaks of an error, or its last line; null: an empty log. */
function tellingLine({ content }: { content: readonly string[] }): string | null {
  const lines = content.map(plainText).filter((line) => line.trim() !== '' && levelOf(line) !== 'gap');
  const line = lines.findLast((each) => levelOf(each) === 'bad') ?? lines.at(-1);
  return line === undefined ? null : line.slice(0, SHOWN_CHARACTERS);
}
