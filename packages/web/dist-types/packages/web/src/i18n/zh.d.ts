/** Chinese texts; the keys are those of `en.ts`. */
import type { common as en } from './en.ts';
import type { Texts } from './texts.ts';
export declare const common: Texts<typeof en>;
