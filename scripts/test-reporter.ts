/**
 * Hands the results of a vitest run to `scripts/test.ts`, as JSON in the file that `PELORUS_TEST_RESULTS` names.
 * A file that cannot be loaded, a failing hook of a suite and an error outside any test count as one failure each;
 * the tests that could not run for that reason count as nothing.
 */
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export interface TestResults {
  passed: number;
  /** Names of what failed. */
  failed: string[];
  /** The note is what the test said when it skipped itself, or empty. */
  skipped: { name: string; note: string }[];
}

export default class ResultsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const path = process.env['PELORUS_TEST_RESULTS'];
    if (path !== undefined) writeFileSync(path, JSON.stringify(collect(modules, unhandledErrors)));
  }
}

function collect(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): TestResults {
  const results: TestResults = { passed: 0, failed: [], skipped: [] };
  for (const module of modules) {
    const file = relative(process.cwd(), module.moduleId);
    if (module.errors().length > 0) results.failed.push(file);
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) results.failed.push(`${file} > ${suite.fullName}`);
    }
    for (const test of module.children.allTests()) {
      const name = `${file} > ${test.fullName}`;
      const result = test.result();
      if (result.state === 'passed') results.passed += 1;
      else if (result.state === 'failed') results.failed.push(name);
      else if (isBehindFailure(test)) continue;
      else results.skipped.push({ name, note: (result.state === 'skipped' && result.note) || '' });
    }
  }
  for (const error of unhandledErrors) results.failed.push(`outside any test: ${error.message}`);
  return results;
}

function isBehindFailure(test: TestCase): boolean {
  for (let parent = test.parent; ; parent = parent.parent) {
    if (parent.errors().length > 0) return true;
    if (parent.type === 'module') return false;
  }
}
