/** Cuts a text that holds several definitions into one text for each, and says where problems of those are in the whole. Pure. */
import type { DefinitionFormat, DefinitionProblem } from '@pelorus/protocol';

export interface DocumentText {
  source: string;
  /** Of the whole text, what stands before it: whole lines, and columns of its first line. */
  linesBefore: number;
  columnsBefore: number;
  /** RFC 6901, of its place in the whole; empty where the whole is one definition or a text of documents. */
  pointer: string;
}

/** YAML: its documents, those with nothing in them left out. JSON: the members of an array. A text that holds one definition stays as it is. */
export function splitDocuments(text: string, format: DefinitionFormat): DocumentText[] {
  const parts = format === 'json' ? arrayMembers(text) : yamlDocuments(text);
  return parts ?? [{ source: text, linesBefore: 0, columnsBefore: 0, pointer: '' }];
}

/** The problem as of the whole text. */
export function inWhole(document: DocumentText, problem: DefinitionProblem): DefinitionProblem {
  const { line, column } = problem;
  return {
    ...problem,
    pointer: document.pointer + problem.pointer,
    line: line === null ? null : line + document.linesBefore,
    column: column === null || line !== 1 ? column : column + document.columnsBefore,
  };
}

/** Null for a text with one document at most. Lines of `---` and `...` are marks wherever they stand: YAML 1.2.2, section 9.1.2. */
function yamlDocuments(text: string): DocumentText[] | null {
  const documents: DocumentText[] = [];
  let from = 0;
  let fromLine = 0;
  let begun = false;
  let filled = false;
  const close = (to: number, line: number): void => {
    if (filled) documents.push({ source: text.slice(from, to), linesBefore: fromLine, columnsBefore: 0, pointer: '' });
    [from, fromLine, begun, filled] = [to, line, false, false];
  };
  let lineNumber = 0;
  for (let at = 0; at < text.length; lineNumber += 1) {
    const end = lineEnd(text, at);
    const line = text.slice(at, end);
    if (/^---(?=\s|$)/.test(line)) {
      if (begun || filled) close(at, lineNumber);
      begun = true;
      filled = hasContent(line.slice(3));
    } else if (/^\.\.\.(?=\s|$)/.test(line)) close(end, lineNumber + 1);
    else filled ||= hasContent(line) && (begun || !line.startsWith('%'));
    at = end;
  }
  close(text.length, lineNumber);
  return documents.length > 1 ? documents : null;
}

/** Behind the end of the line that begins at `at`. */
function lineEnd(text: string, at: number): number {
  const found = text.indexOf('\n', at);
  return found === -1 ? text.length : found + 1;
}

/** More than a comment. */
function hasContent(line: string): boolean {
  return /^\uFEFF?\s*[^\s#\uFEFF]/.test(line);
}

/** Null when it is no array, or broken: whoever reads the whole says then what is wrong with it. */
function arrayMembers(text: string): DocumentText[] | null {
  const opening = /^\s*\[/.exec(text)?.[0].length;
  if (opening === undefined) return null;
  const members: DocumentText[] = [];
  const place = placeTeller(text);
  let depth = 1;
  let from = opening;
  for (let at = opening; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') at = stringEnd(text, at);
    else if (char === '[' || char === '{') depth += 1;
    else if (char === '}') depth -= 1;
    else if (char === ']' || (char === ',' && depth === 1)) {
      if (char === ']') depth -= 1;
      if (depth > 1 || (char === ']' && depth === 1)) continue;
      const part = text.slice(from, at);
      const begin = from + (part.length - part.trimStart().length);
      // An empty array has no member; an empty place between commas is left for the reader to refuse.
      if (part.trim() !== '' || char === ',' || members.length > 0)
        members.push({ source: part.trim(), ...place(begin), pointer: `/${members.length}` });
      if (depth === 0) return text.slice(at + 1).trim() === '' ? members : null;
      from = at + 1;
    }
  }
  return null;
}

/** Of the string that begins at `at`: its closing quote, or the end of the text. */
function stringEnd(text: string, at: number): number {
  for (let next = at + 1; next < text.length; next += 1) {
    if (text[next] === '\\') next += 1;
    else if (text[next] === '"') return next;
  }
  return text.length;
}

/** For places in ascending order: lines and columns before each, every line counted once. */
function placeTeller(text: string): (at: number) => Pick<DocumentText, 'linesBefore' | 'columnsBefore'> {
  let lines = 0;
  let lineStart = 0;
  return (at) => {
    for (let end = text.indexOf('\n', lineStart); end !== -1 && end < at; end = text.indexOf('\n', lineStart)) {
      lines += 1;
      lineStart = end + 1;
    }
    return { linesBefore: lines, columnsBefore: at - lineStart };
  };
}
