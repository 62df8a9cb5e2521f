/** How a backfill goes on, for one client: what is true now, whenever it has changed. */
import { setTimeout } from 'node:timers/promises';
import type { BackfillEvent } from '@pelorus/protocol';
import type { ApiStore, BackfillRow } from '../store/port.ts';
import { backfillSummary } from './backfill-views.ts';
import { API_LIMITS } from './limits.ts';
import { eventFrame, type EventFrame, type EventSource } from './sse.ts';

/** Begins with the backfill as it is; ends with `end` once it has ended. The store is looked at every second, a row for each client. */
export function followBackfill(store: Pick<ApiStore, 'getBackfill'>, first: BackfillRow): EventSource {
  return async function* (signal): AsyncGenerator<EventFrame> {
    let row: BackfillRow | null = first;
    let said = '';
    while (row !== null && !signal.aborted) {
      const data = backfillSummary(row);
      const text = JSON.stringify(data);
      if (text !== said) yield frameOf({ event: 'backfill', data });
      said = text;
      if (row.endedAt !== null) {
        yield frameOf({ event: 'end', data: { state: row.state } });
        return;
      }
      await setTimeout(API_LIMITS.backfillLookMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (!signal.aborted) row = await store.getBackfill(first.id);
    }
  };
}

/** A client that comes back is told what is true by then, so any id will do, but that of the end. */
export const BACKFILL_ENDED = 'end';

function frameOf(event: BackfillEvent): EventFrame {
  return eventFrame({ id: event.event === 'end' ? BACKFILL_ENDED : 'on', ...event });
}
