/**
 * Documents and everything that is said about them, as text files: `## name`, the document, `--`, then one line for each
 * problem (`pointer line:column message`) and warning. UPDATE_SCENARIOS=1 rewrites the answers; review them as a diff.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDefinition, parseDirectDefinition, type DefinitionOptions, type ParsedDefinition } from './index.ts';

const directory = new URL('./scenarios/', import.meta.url);
/** Stands for the time-expression grammar, which lives in another package. */
const checks: DefinitionOptions = {
  checkTemplate: (text, kind) => (/\$\[[^\]]*$/.test(text) ? `an expression of this ${kind} is not closed` : null),
  checkCron: (cron) => (cron.split(' ').length < 5 ? 'a cron expression has 5, 6 or 7 fields' : null),
};

for (const file of readdirSync(directory).sort()) {
  const text = readFileSync(new URL(file, directory), 'utf8');
  const scenarios = text.split(/^(?=## )/m).map(parseScenario);
  const replayed = scenarios
    .map(({ title, document }) => `## ${title}\n${document}--\n${answer(file, document)}\n`)
    .join('');
  if (process.env['UPDATE_SCENARIOS'] === '1') writeFileSync(new URL(file, directory), replayed);

  describe(`scenarios of ${file}`, () => {
    it.each(scenarios)('$title', ({ document, expected }) => {
      expect(answer(file, document)).toBe(process.env['UPDATE_SCENARIOS'] === '1' ? answer(file, document) : expected);
    });
  });
}

interface Scenario {
  title: string;
  document: string;
  expected: string;
}

function parseScenario(section: string): Scenario {
  const [, title = '', document = '', expected = ''] = /^## ([^\n]*)\n([^]*?)^--\n([^]*)$/m.exec(section) ?? [];
  return { title, document, expected: expected.trimEnd() };
}

function answer(file: string, document: string): string {
  const { definition, problems, warnings } = parse(file, document);
  const lines = (kind: string, found: ParsedDefinition['problems']): string[] =>
    found.map(
      ({ pointer, line, column, message }) => `${kind}${pointer === '' ? '/' : pointer} ${line}:${column} ${message}\n`,
    );
  return `${lines('', problems).join('')}${lines('warning: ', warnings).join('')}${definition === null ? '' : 'valid\n'}`.trimEnd();
}

function parse(file: string, document: string): ParsedDefinition {
  if (file.startsWith('direct')) return parseDirectDefinition(document, { ...checks, workflowName: 'w' });
  return parseDefinition(document, file.startsWith('json') ? 'json' : 'yaml', checks);
}
