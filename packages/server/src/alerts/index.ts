export { startAlerts } from './sender.ts';
export type { AlertLog, Alerts, AlertsOptions } from './sender.ts';
export { sendTest } from './deliver.ts';
export type { DeliveryOptions, DeliveryOutcome } from './deliver.ts';
export { problemOfSmtp } from './mail.ts';
export { newWebhookSecret } from './webhook-signature.ts';
export { problemOfChannel } from './channel-problem.ts';
