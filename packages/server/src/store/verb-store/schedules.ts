/** Schedules, calendars, deadlines and maintenance; what of them is due. */
import { done, type StoreMethods } from './methods.ts';

export const SCHEDULES = {
  saveSchedule: ({ writer }, save) => writer.call('saveSchedule', save),
  setScheduleOnline: ({ writer }, change) => writer.call('setScheduleOnline', change),
  getSchedule: ({ people }, workflowId, name) => people.call('getSchedule', { workflowId, name }),
  listSchedules: ({ people }, filter) => people.call('listSchedules', filter),
  deleteSchedule: ({ writer }, scheduleId, user, at) => done(writer.call('deleteSchedule', { scheduleId, user, at })),
  listTicks: ({ people }, filter) => people.call('listTicks', filter),
  saveCalendar: ({ writer }, calendar) => writer.call('saveCalendar', calendar),
  getCalendar: ({ people }, name) => people.call('getCalendar', name),
  listCalendars: ({ people }) => people.call('listCalendars', undefined),
  deleteCalendar: ({ writer }, name) => done(writer.call('deleteCalendar', name)),
  setMaintenance: ({ writer }, change) => writer.call('setMaintenance', change),
  getMaintenance: ({ people }) => people.call('getMaintenance', undefined),
  saveDeadline: ({ writer }, save) => writer.call('saveDeadline', save),
  getDeadline: ({ people }, workflowId, name) => people.call('getDeadline', { workflowId, name }),
  listDeadlines: ({ people }, filter) => people.call('listDeadlines', filter),
  deleteDeadline: ({ writer }, deadlineId) => done(writer.call('deleteDeadline', deadlineId)),
  nextDue: ({ master }) => master.call('nextDue', undefined),
  fireDue: ({ writer }, fence, limit) => writer.call('fireDue', { fence, limit }),
} satisfies Partial<StoreMethods>;
