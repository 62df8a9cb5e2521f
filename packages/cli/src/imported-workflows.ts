/** What importers made: saved on a server, written as files or only reported. */
import { existsSync, statSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ImportedWorkflow, ImportReportRow, ImportResult } from '@pelorus/engine/imports';
import { ApiError } from '@pelorus/sdk';
import { applyDefinition, DEFAULT_PROJECT } from './apply-workflow.ts';
import type { DefinitionFile } from './definition-files.ts';
import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { tableText, writeItem, type Column } from './output.ts';
import type { Session } from './session.ts';

export interface ImportFlags {
  project?: string;
  dryRun?: boolean;
  out?: string;
}

/** What became of one workflow. */
interface Outcome {
  name: string;
  /** Null when it was not saved on a server. */
  version: number | null;
  result: 'created' | 'changed' | 'unchanged' | 'valid' | 'written';
  /** Where it was written with `--out`. */
  file: string | null;
}

/** The text of a file that a person named; `-` is stdin. */
export async function readSourceFile(session: Session, path: string): Promise<string> {
  if (path === '-') return session.host.readStdin();
  return readSource(resolve(session.host.directory, path), path);
}

async function readSource(full: string, shown: string): Promise<string> {
  return readFile(full, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Failure({
      exitCode: cause.code === 'ENOENT' ? EXIT.notFound : EXIT.usage,
      what: `${shown} cannot be read`,
      why: cause.code === 'ENOENT' ? 'there is no such file' : cause.message,
    });
  });
}

export function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

/**
 * Saves, writes or only checks what was imported, and prints the report. Throws a `Failure` when there were problems, with nothing
 * stored. `folder` is where the imported files lie.
 */
export async function settleImport(
  session: Session,
  result: ImportResult,
  { paths, folder, flags }: { paths: string[]; folder: string; flags: ImportFlags },
): Promise<void> {
  const outcomes = result.problems.length > 0 ? [] : await settle(session, result.workflows, folder, flags);
  writeImported(session, outcomes, result);
  if (result.problems.length > 0) throw refused(paths, result);
}

async function settle(
  session: Session,
  workflows: ImportedWorkflow[],
  folder: string,
  flags: ImportFlags,
): Promise<Outcome[]> {
  if (flags.dryRun === true) return workflows.map(({ name }) => ({ name, version: null, result: 'valid', file: null }));
  if (flags.out !== undefined) {
    const target = resolve(session.host.directory, flags.out);
    return Promise.all(workflows.map((workflow) => writeOne(workflow, folder, target)));
  }
  const project = flags.project ?? DEFAULT_PROJECT;
  await Promise.all(workflows.map((workflow) => refuseForeign(session, project, workflow)));
  const outcomes: Outcome[] = [];
  // One after the other: children stand before those that run them.
  for (const workflow of workflows) outcomes.push(await saveOne(session, workflow, folder, project));
  return outcomes;
}

async function writeOne(workflow: ImportedWorkflow, folder: string, target: string): Promise<Outcome> {
  const file = join(target, `${workflow.name}.yaml`);
  await mkdir(target, { recursive: true });
  await writeFile(file, workflow.source);
  for (const name of workflow.files) {
    const copy = join(target, name);
    if (copy === join(folder, name)) continue;
    await mkdir(dirname(copy), { recursive: true });
    await copyFile(join(folder, name), copy);
  }
  return { name: workflow.name, version: null, result: 'written', file };
}

async function saveOne(
  session: Session,
  workflow: ImportedWorkflow,
  folder: string,
  project: string,
): Promise<Outcome> {
  const file: DefinitionFile = {
    shown: workflow.name,
    path: join(folder, `${workflow.name}.yaml`),
    source: workflow.source,
    format: 'yaml',
    name: workflow.name,
    project,
    files: workflow.files,
    isDefinition: true,
  };
  const saved = await applyDefinition(session.client, file, { project, dryRun: false }, session.signal);
  const result = saved.created ? 'created' : saved.changed ? 'changed' : 'unchanged';
  return { name: workflow.name, version: saved.version, result, file: null };
}

/** Importing again saves a new version; a workflow that comes from elsewhere is never written over. */
async function refuseForeign(session: Session, project: string, { name, definition }: ImportedWorkflow): Promise<void> {
  const there = await session.client.workflows.get(project, name, session.signal).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  });
  if (there === null) return;
  const own = originOf(definition['labels']);
  const other = originOf(there.definition.labels);
  if (other !== null && (own === null || own === other)) return;
  throw new Failure({
    exitCode: EXIT.conflict,
    what: `${project}/${name} exists and ${other === null ? 'was not imported' : `comes from elsewhere (${other})`}; nothing was stored`,
    todo: 'give another project with --project, or another name with --name where there is one',
  });
}

/** Which flow, entry or foreign workflow a workflow was imported from; null when from none. */
function originOf(labels: unknown): string | null {
  const known = (typeof labels === 'object' && labels !== null ? labels : {}) as Record<string, string>;
  const entry = known['crontab.entry'];
  if (entry !== undefined) return `entry ${entry} of ${known['crontab.file'] ?? 'a crontab'}`;
  const code = known['dolphinscheduler.code'];
  if (code !== undefined) return `DolphinScheduler ${code}`;
  const old = known['dolphinscheduler.name'];
  if (old !== undefined) return `DolphinScheduler ${known['dolphinscheduler.project'] ?? '?'}/${old}`;
  return known['dss.flowId'] ?? known['dss.flow'] ?? known['dss.file'] ?? null;
}

function writeImported(session: Session, outcomes: Outcome[], result: ImportResult): void {
  const { report, problems } = result;
  writeItem(session.terminal.out, session.format, {
    value: { workflows: outcomes, report, problems },
    name: outcomes.map(({ name }) => name).join('\n'),
    text: (stream) => {
      const table = tableText(stream, { rows: report, columns: REPORT_COLUMNS });
      const first = outcomes.length === 0 ? '' : `${tableText(stream, { rows: outcomes, columns: OUTCOME_COLUMNS })}\n`;
      return `${first}${table}\n${countsText(report)}\n`;
    },
  });
}

const OUTCOME_COLUMNS: Column<Outcome>[] = [
  { title: 'WORKFLOW', value: ({ name }) => name },
  { title: 'VERSION', value: ({ version }) => (version === null ? '-' : String(version)) },
  { title: 'RESULT', value: ({ result, file }) => (file === null ? result : `${result} to ${file}`) },
];

const REPORT_COLUMNS: Column<ImportReportRow>[] = [
  { title: 'IN THE FILE', value: ({ item }) => item },
  { title: 'OUTCOME', value: ({ outcome }) => outcome, tone: ({ outcome }) => TONES[outcome] },
  { title: 'BECAME', value: ({ to }) => to ?? '-' },
  { title: 'WHY', value: ({ why }) => why ?? '' },
];
const TONES = { mapped: 'good', changed: 'warn', unsupported: 'bad' } as const;

function countsText(report: ImportReportRow[]): string {
  const count = (outcome: ImportReportRow['outcome']): number => report.filter((row) => row.outcome === outcome).length;
  return `${count('mapped')} mapped, ${count('changed')} changed, ${count('unsupported')} unsupported`;
}

function refused(paths: string[], { problems }: ImportResult): Failure {
  return new Failure({
    exitCode: EXIT.usage,
    what: `${paths.join(', ')} cannot be imported; nothing was stored`,
    details: problems.map(({ item, message }) => `${item}: ${message}`),
  });
}
