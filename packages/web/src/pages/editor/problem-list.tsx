/** All that is wrong, each leading to its place. */
import type { DefinitionProblem } from '@pelorus/protocol';
import { CircleAlert, CircleCheck, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { ServerCheck } from './reading.ts';

export function ProblemList({
  problems,
  warnings,
  check,
  onJump,
}: {
  problems: readonly DefinitionProblem[];
  warnings: readonly DefinitionProblem[];
  check: ServerCheck;
  onJump: (problem: DefinitionProblem) => void;
}): ReactNode {
  const { t } = useTranslation('editor');
  return (
    <details open={problems.length > 0} className="shrink-0 border-t border-line bg-surface">
      <summary className="flex cursor-pointer flex-wrap items-center gap-x-3 px-3 py-1.5 text-xs" aria-live="polite">
        {problems.length === 0 && (
          <span className="inline-flex items-center gap-1 text-ok">
            <CircleCheck className="size-4" aria-hidden /> {t('noProblems')}
          </span>
        )}
        {problems.length > 0 && (
          <span className="inline-flex items-center gap-1 font-medium text-bad">
            <CircleAlert className="size-4" aria-hidden /> {t('problems', { count: problems.length })}
          </span>
        )}
        {warnings.length > 0 && (
          <span className="inline-flex items-center gap-1 text-warn">
            <TriangleAlert className="size-4" aria-hidden /> {t('warnings', { count: warnings.length })}
          </span>
        )}
        {check.state === 'checking' && <span className="text-ink-3">{t('checking')}</span>}
        {check.state === 'failed' && <span className="text-warn">{t('unchecked', { message: check.message })}</span>}
      </summary>
      <ul aria-label={t('problemList')} className="max-h-40 overflow-auto pb-1">
        {[...problems, ...warnings].map((problem, index) => (
          <li key={`${problem.pointer} ${problem.message}`}>
            <button
              type="button"
              onClick={() => onJump(problem)}
              className="flex w-full items-start gap-2 px-3 py-1 text-start text-xs -outline-offset-2! hover:bg-surface-2"
            >
              {index < problems.length ? (
                <CircleAlert className="mt-0.5 size-3.5 shrink-0 text-bad" aria-hidden />
              ) : (
                <TriangleAlert className="mt-0.5 size-3.5 shrink-0 text-warn" aria-hidden />
              )}
              <span className="min-w-0 grow break-words">{problem.message}</span>
              {problem.line !== null && (
                <span className="shrink-0 text-ink-3">{t('place', { line: problem.line })}</span>
              )}
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
