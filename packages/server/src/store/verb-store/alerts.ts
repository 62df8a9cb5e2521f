/** Where people are told of alerts, and what is still to be told. */
import { done, type StoreMethods } from './methods.ts';

export const ALERTS = {
  saveAlertChannel: ({ writer }, channel) => writer.call('saveAlertChannel', channel),
  listAlertChannels: ({ people }) => people.call('listAlertChannels', undefined),
  deleteAlertChannel: ({ writer }, name) => done(writer.call('deleteAlertChannel', name)),
  listAlerts: ({ people }, filter) => people.call('listAlerts', filter),
  claimAlerts: ({ writer }, at, leaseMs, limit) => writer.call('claimAlerts', { at, leaseMs, limit }),
  nextAlertAt: ({ people }) => people.call('nextAlertAt', undefined),
  settleAlert: ({ writer }, delivery, outcome) => done(writer.call('settleAlert', { delivery, outcome })),
  loadAlertChannel: ({ people }, name) => people.call('loadAlertChannel', name),
} satisfies Partial<StoreMethods>;
