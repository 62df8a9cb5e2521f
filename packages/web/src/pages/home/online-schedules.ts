/** Schedules that are online, the next to fire first. */
import type { ScheduleFire, ScheduleView } from '@pelorus/protocol';
import { useQuery } from '@tanstack/react-query';
import { api } from '../../api/client.ts';

const READ = 500;
const EVERY_MS = 30_000;

export type Expected = ScheduleView & { nextFire: ScheduleFire };

export function useOnlineSchedules() {
  return useQuery({
    queryKey: ['schedules', 'online'],
    queryFn: async ({ signal }): Promise<Expected[]> => {
      const { items } = await api.schedules.list({ online: true, limit: READ }, signal);
      return items
        .flatMap((schedule) => (schedule.nextFire === null ? [] : [{ ...schedule, nextFire: schedule.nextFire }]))
        .toSorted((one, other) => one.nextFire.dueAt.localeCompare(other.nextFire.dueAt));
    },
    refetchInterval: EVERY_MS,
  });
}
