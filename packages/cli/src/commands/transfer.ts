/** `pelorus project export`, `pelorus project import`, `pelorus workflow import`: several workflows in one file. */
import type { ImportedWorkflow, ImportReport } from '@pelorus/protocol';
import { ApiError, type ImportInput } from '@pelorus/sdk';
import type { Command } from 'commander';
import { readFile, writeFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, problemText, usageFailure } from '../failure.ts';
import { tableText, writeItem, type Column } from '../output.ts';
import { projectOption, type ProjectFlags } from '../project-option.ts';
import { openSession, type Host, type Session } from '../session.ts';

interface ImportFlags {
  dryRun?: boolean;
}

/** Below `pelorus project`. */
export function addProjectTransfer(parent: Command, host: Host): void {
  parent
    .command('export <project>')
    .description('its workflows with their files as a zip; without --to its bytes go to standard output')
    .option('--workflows <names>', 'only these, with commas between them')
    .option('--to <file>', 'write it there')
    .addHelpText(
      'after',
      examples(
        'pelorus project export sales --to sales.zip',
        'pelorus project export sales --workflows daily,weekly > a.zip',
      ),
    )
    .action(async (project: string, flags: { workflows?: string; to?: string }, command: Command) => {
      const session = openSession(command, host);
      const query = flags.workflows === undefined ? {} : { workflows: flags.workflows.split(',') };
      const bytes = await session.client.projects.export(project, query, session.signal);
      if (flags.to === undefined) process.stdout.write(bytes);
      else await writeFile(resolve(host.directory, flags.to), bytes);
    });

  parent
    .command('import <project> <file>')
    .description(IMPORT)
    .option('--dry-run', 'only report what would become of each')
    .addHelpText(
      'after',
      examples('pelorus project import sales sales.zip --dry-run', 'pelorus project import sales workflows.yaml'),
    )
    .action(async (project: string, file: string, flags: ImportFlags, command: Command) =>
      importFile(openSession(command, host), project, file, flags),
    );
}

const IMPORT = 'save all workflows of a zip, of a file of YAML documents or of a JSON array at once, or none of them';

/** Below `pelorus workflow`. */
export function addWorkflowImport(parent: Command, host: Host): void {
  parent
    .command('import <file>')
    .description(IMPORT)
    .addOption(projectOption())
    .option('--dry-run', 'only report what would become of each')
    .addHelpText('after', examples('pelorus workflow import sales.zip --project sales'))
    .action(async (file: string, flags: ImportFlags & ProjectFlags, command: Command) =>
      importFile(openSession(command, host), flags.project, file, flags),
    );
}

async function importFile(session: Session, project: string, file: string, flags: ImportFlags): Promise<void> {
  const input = await readInput(session, file);
  const { dryRun = false } = flags;
  const report = await session.client.projects
    .import(project, input, { dryRun, signal: session.signal })
    .catch((error: unknown) => {
      if (error instanceof ApiError && error.report !== null) return error.report;
      throw error;
    });
  writeReport(session, report);
  const refused = report.workflows.filter(({ outcome }) => outcome === 'refused');
  if (refused.length > 0)
    throw new Failure({
      exitCode: EXIT.usage,
      what: `${refused.length} of ${report.workflows.length} workflows were refused; nothing was stored`,
      details: refused.flatMap((one) => one.errors.map((problem) => problemText(one.file ?? file, problem))),
    });
}

async function readInput({ host }: Session, file: string): Promise<ImportInput> {
  if (file === '-') {
    const source = await host.readStdin();
    return { format: /^\s*[[{]/.test(source) ? 'json' : 'yaml', source };
  }
  const format = FORMATS[extname(file).toLowerCase()];
  if (format === undefined) throw usageFailure(`${file}: a .zip, .yaml, .yml or .json file is imported`);
  const bytes = await readFile(resolve(host.directory, file)).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'there is no such file' : cause.message;
    throw new Failure({ exitCode: EXIT.notFound, what: `${file} cannot be read`, why }, { cause });
  });
  return format === 'zip' ? { format, bytes: new Uint8Array(bytes) } : { format, source: bytes.toString('utf8') };
}

const FORMATS: Readonly<Record<string, 'zip' | 'yaml' | 'json' | undefined>> = {
  '.zip': 'zip',
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.json': 'json',
};

const TONES = { created: 'good', updated: 'good', unchanged: 'quiet', refused: 'bad' } as const;
const COLUMNS: Column<ImportedWorkflow>[] = [
  { title: 'WORKFLOW', value: ({ name }) => name ?? '-' },
  { title: 'IN', value: ({ file }) => file ?? '-' },
  { title: 'OUTCOME', value: ({ outcome }) => outcome, tone: ({ outcome }) => TONES[outcome] },
  { title: 'VERSION', value: ({ version }) => (version === null ? '-' : String(version)) },
];

function writeReport(session: Session, report: ImportReport): void {
  const { workflows, files, unused, stored } = report;
  writeItem(session.terminal.out, session.format, {
    value: report,
    name: workflows.flatMap(({ name }) => name ?? []).join('\n'),
    text: (stream) =>
      [
        tableText(stream, { rows: workflows, columns: COLUMNS }),
        ...workflows.flatMap(({ name, file, warnings }) =>
          warnings.map((problem) => `warning: ${problemText(file ?? name ?? '-', problem)}\n`),
        ),
        ...files.map(({ path, outcome }) => `file ${path} of the project: ${outcome}\n`),
        ...unused.map((name) => `${name} belongs to nothing and was left aside\n`),
        stored ? '' : 'nothing was stored\n',
      ].join(''),
  });
}
