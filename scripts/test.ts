/**
 * `npm test`: every check of the repository, one line each, and at the end exactly one line `N passed, N failed, N skipped`;
 * exit code 1 when anything failed. What a check prints is shown only when it failed.
 *
 *   npm test -- --only lint,types     some of: lint, format, types, imports, unused, tests
 *   npm test -- packages/engine       only tests, of files whose path contains one of the words
 *
 * A test that a machine cannot run skips itself with the note `needs <what>: <how to get it>`. In `PELORUS_TEST_REQUIRE`
 * (a list such as `postgres,browser`) stands what must be there: such a skip is then a failure.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkRepository } from './check-imports.ts';
import type { TestResults } from './test-reporter.ts';

type Outcome = TestResults & { output: string };

/** What a skipped test needs when it does not say so itself: told from its name. */
const NEEDS: [RegExp, string][] = [
  [/PostgreSQL/, 'needs postgres: apt-get install postgresql'],
  [/MariaDB/, 'needs mariadb: apt-get install mariadb-server'],
  [/in the browser/, 'needs browser: apt-get install chromium'],
];
/** Of a step that hangs; the tests take thirteen minutes on four processors, and longer on slower ones. */
const STEP_LIMIT_MS = 25 * 60_000;
const root = join(import.meta.dirname, '..');
const binaries = join(root, 'node_modules', '.bin');

const steps: Record<string, (filters: string[]) => Promise<Outcome>> = {
  lint: () => runTool('lint', 'oxlint', ['--type-aware', '--format=unix']),
  format: () => runTool('format', 'oxfmt', ['--list-different']),
  types: () => runTool('types', 'tsc', ['-b', '--noEmit', '--pretty', 'false']),
  imports: checkImports,
  unused: () => runTool('unused', 'knip', ['--no-progress', '--no-config-hints']),
  tests: runTests,
};

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
const chosen = values.only?.split(',') ?? (positionals.length > 0 ? ['tests'] : Object.keys(steps));
const unknown = chosen.filter((name) => !(name in steps));
if (unknown.length > 0) {
  console.error(`There is no step ${unknown.join(', ')}; there are ${Object.keys(steps).join(', ')}.`);
  process.exit(2);
}

const total = { passed: 0, failed: 0, skipped: 0 };
// The tests after the rest, which runs at once: they have the machine to themselves.
const checks = Object.keys(steps).filter((name) => name !== 'tests' && chosen.includes(name));
for (const done of checks.map(take)) await count(done);
if (chosen.includes('tests')) await count(take('tests'));
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;

interface Taken {
  name: string;
  outcome: Outcome;
  seconds: number;
}

async function take(name: string): Promise<Taken> {
  const startedAt = performance.now();
  const outcome = requireWhatMustBe(await steps[name]!(positionals));
  return { name, outcome, seconds: (performance.now() - startedAt) / 1000 };
}

async function count(taken: Promise<Taken>): Promise<void> {
  const { name, outcome, seconds } = await taken;
  report(name, outcome, seconds);
  total.passed += outcome.passed;
  total.failed += outcome.failed.length;
  total.skipped += outcome.skipped.length;
}

function report(name: string, { passed, failed, skipped, output }: Outcome, seconds: number): void {
  const counts = name === 'tests' ? `  ${passed} passed, ${failed.length} failed, ${skipped.length} skipped` : '';
  if (failed.length > 0) console.log(output.trimEnd());
  console.log(
    `${failed.length > 0 ? 'FAILED' : 'ok'.padEnd(6)} ${name.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s${counts}`,
  );
  if (name === 'tests') for (const each of failed) console.log(`       failed: ${each}`);
  for (const each of skipped) console.log(`       skipped: ${each.name} (${each.note})`);
}

/** Turns a skip for want of something that `PELORUS_TEST_REQUIRE` names into a failure. */
function requireWhatMustBe(outcome: Outcome): Outcome {
  const required = new Set((process.env['PELORUS_TEST_REQUIRE'] ?? '').split(',').filter(Boolean));
  const isRequired = ({ note }: { note: string }): boolean => required.has(/^needs ([\w-]+)/.exec(note)?.[1] ?? '');
  const wanting = outcome.skipped.filter(isRequired).map(({ name, note }) => `${name} (${note}; PELORUS_TEST_REQUIRE)`);
  return {
    ...outcome,
    failed: [...outcome.failed, ...wanting],
    skipped: outcome.skipped.filter((each) => !isRequired(each)),
  };
}

async function checkImports(): Promise<Outcome> {
  const offences = checkRepository().map(({ file, line, sentence }) => `${file}:${line}: ${sentence}`);
  return single('imports', offences.length === 0, offences.join('\n'));
}

async function runTool(name: string, program: string, args: string[]): Promise<Outcome> {
  const { code, output } = await run(program, args, {});
  const absent =
    /Cannot find native binding|Unable to resolve @typescript|No binding for|not supported on this platform/i.test(
      output,
    );
  if (!absent) return single(name, code === 0, output);
  const note = `needs ${program}: npm has no build of it for ${process.platform}-${process.arch} in package-lock.json`;
  return { passed: 0, failed: [], skipped: [{ name, note }], output };
}

function single(name: string, ok: boolean, output: string): Outcome {
  return { passed: ok ? 1 : 0, failed: ok ? [] : [name], skipped: [], output };
}

async function runTests(filters: string[]): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), 'pelorus-test-'));
  const resultsPath = join(directory, 'results.json');
  const reporters = ['--reporter=minimal', `--reporter=${join(root, 'scripts', 'test-reporter.ts')}`];
  const args = ['run', '--silent=passed-only', ...reporters, ...filters];
  const { code, output } = await run('vitest', args, { PELORUS_TEST_RESULTS: resultsPath });
  const results = readResults(resultsPath);
  rmSync(directory, { recursive: true, force: true });
  if (code !== 0 && results.failed.length === 0) results.failed.push(`vitest ended with ${code}`);
  return { ...results, output };
}

function readResults(path: string): TestResults {
  try {
    const results = JSON.parse(readFileSync(path, 'utf8')) as TestResults;
    for (const skip of results.skipped)
      skip.note ||= NEEDS.find(([name]) => name.test(skip.name))?.[1] ?? 'no reason given';
    return results;
  } catch (error) {
    return { passed: 0, failed: [`vitest left no results: ${String(error)}`], skipped: [] };
  }
}

/** Runs one of node_modules/.bin on the pinned Node; `output` is both streams in order. */
function run(
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | string; output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number | string; output: string }>();
  const PATH = `${binaries}${delimiter}${process.env['PATH'] ?? ''}`;
  const child = spawn(join(binaries, program), args, {
    cwd: root,
    // Hundreds of processes and threads are started: none of them reads the same sources anew.
    env: {
      NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compiled'),
      ...process.env,
      ...env,
      PATH,
      NO_COLOR: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: STEP_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('error', (error) => resolve({ code: error.message, output: error.message }));
  child.on('close', (code, signal) =>
    resolve({ code: code ?? String(signal), output: Buffer.concat(chunks).toString() }),
  );
  return promise;
}
