/** What the server takes from here: hiding secrets in answers as they are hidden in logs. */
export { passwordsIn } from './known-secrets.ts';
export { Mask } from './mask.ts';
