/** How many cells of a terminal a text takes, and cutting and padding by that. Wide are the letters of East Asia and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const NO_WIDTH = /\p{Mark}|\u200b|\u200d/u;
/** Colour and style; nothing else is ever written into a line by this program. */
const STYLE = /\x1b\[[0-9;]*m/g;

/** Cells, styles not counted. */
export function textWidth(text: string): number {
  let cells = 0;
  for (const letter of text.replace(STYLE, '')) cells += letterWidth(letter);
  return cells;
}

/** `text` followed by as many spaces as it lacks. */
export function padTo(text: string, cells: number): string {
  return text + ' '.repeat(Math.max(0, cells - textWidth(text)));
}

/** At most `cells` wide, with `…` where something was cut; styles are kept and closed. */
export function cutTo(text: string, cells: number): string {
  if (textWidth(text) <= cells) return text;
  let left = cells - 1;
  let cut = '';
  for (const part of text.split(/(\x1b\[[0-9;]*m)/)) {
    if (part.startsWith('\x1b')) cut += part;
    else
      for (const letter of part) {
        left -= letterWidth(letter);
        if (left < 0) return `${cut}…${cut.includes('\x1b') ? '\x1b[0m' : ''}`;
        cut += letter;
      }
  }
  return cut;
}

/** One line of text from anywhere: control characters shown, not obeyed, so that no name or value can move the cursor. */
export function oneLine(text: string): string {
  return text.replace(/\r?\n/g, '⏎').replace(/[\u0000-\u001f\u007f-\u009f]/g, '�');
}

function letterWidth(letter: string): number {
  if (NO_WIDTH.test(letter)) return 0;
  return WIDE.test(letter) ? 2 : 1;
}
