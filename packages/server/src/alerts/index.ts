export { sendTest } from './deliver.ts';
export type { DeliveryOptions, DeliveryOutcome } from './deliver.ts';
export { createChannelTest, startAlerts } from './sender.ts';
export type { AlertLog, Alerts, AlertsOptions } from './sender.ts';
