/**
 * Cron expressions in words, English and Chinese. A module of its own: the library behind it is loaded only where it is needed. Pure.
 */
import cronstrue from 'cronstrue';
import 'cronstrue/locales/zh_CN.js';
import { CRON_MACROS } from './schedules.ts';

const TEXT_MAX = 1000;

/**
 * What an expression means, e.g. `At 02:15, only on Monday`; null for one that there are no words for, whether it is an expression or
 * not. With five fields weekdays are those of cron (0 and 7 are Sunday), with six or seven those of Quartz (1 is Sunday).
 */
export function cronInWords(cron: string, language: 'en' | 'zh'): string | null {
  const text = cron.trim();
  const fields = (CRON_MACROS[text.toLowerCase()] ?? text).split(/\s+/);
  if (text.length > TEXT_MAX || fields.length < 5 || fields.length > 7) return null;
  const isQuartz = fields.length > 5;
  const [day = '', weekday = ''] = isQuartz ? [fields[3], fields[5]] : [fields[2], fields[4]];
  // With its year an expression cannot be taken for one of another order of fields.
  const whole = fields.length === 6 ? [...fields, '*'] : fields;
  try {
    const words = cronstrue.toString(whole.join(' '), {
      locale: language === 'zh' ? 'zh_CN' : 'en',
      use24HourTimeFormat: true,
      dayOfWeekStartIndexZero: !isQuartz,
      // Both must hold where a `*` begins one of them; otherwise either is enough.
      logicalAndDayFields: day.startsWith('*') || weekday.startsWith('*'),
    });
    return language === 'zh' ? words.replaceAll(', ', '，').replaceAll('个 星期', '个星期') : words;
  } catch {
    // It throws texts.
    return null;
  }
}
