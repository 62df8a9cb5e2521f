/** What a worker said of itself in its last heartbeat but one or so: the column of when it was heard of says how old that is. */
import type { WorkerView } from '@pelorus/protocol';
import { Gauge } from 'lucide-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { locale } from '../../i18n/index.ts';
import { ToneBadge, UseBar } from '../../ui/tone-badge.tsx';

const GIB = 2 ** 30;

export function WorkerSlots({ worker: { load, slots } }: { worker: WorkerView }): ReactNode {
  const { t } = useTranslation('operations');
  if (load === null) return <span className="text-ink-2 tabular-nums">{slots}</span>;
  const used = load.usedSlots;
  return <UseBar used={used} size={slots} text={t('worker.slots', { used, slots })} />;
}

export function WorkerHost({ worker: { load } }: { worker: WorkerView }): ReactNode {
  const { t } = useTranslation('operations');
  if (load === null) return <span className="text-ink-2">–</span>;
  const { loadAverage, cpuCount, freeMemoryBytes, totalMemoryBytes, busy } = load;
  return (
    <div className="grid justify-items-start text-xs whitespace-nowrap tabular-nums">
      <span>
        {loadAverage === null
          ? t('worker.cpus', { cpuCount })
          : t('worker.cpu', { load: number(loadAverage), cpuCount })}
      </span>
      {totalMemoryBytes > 0 && (
        <span>
          {t('worker.memory', {
            used: number((totalMemoryBytes - freeMemoryBytes) / GIB),
            all: number(totalMemoryBytes / GIB),
          })}
        </span>
      )}
      {busy && <ToneBadge tone="warn" icon={Gauge} text={t('worker.busy')} />}
    </div>
  );
}

function number(value: number): string {
  return value.toLocaleString(locale(), { maximumFractionDigits: 1, minimumFractionDigits: 1 });
}
