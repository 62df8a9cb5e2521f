/** Texts of the page of a run. */
import { addTexts } from '../../i18n/index.ts';
import { en } from './texts-en.ts';
import { zh } from './texts-zh.ts';

addTexts('run', { en, zh });
