import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { applyDefinition, type Applied, type ApplyOptions } from '../apply-workflow.ts';
import {
  definitionFromText,
  findDefinitionFiles,
  readDefinitionFile,
  type DefinitionFile,
} from '../definition-files.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, problemText } from '../failure.ts';
import { writeListing, type Column } from '../output.ts';
import { collectText, openSession, type Host, type Session } from '../session.ts';
import { examples } from '../examples.ts';

interface ApplyFlags {
  file: string[];
  project?: string;
  dryRun?: boolean;
}

/** `pelorus apply -f <file|dir|->` */
export function addApplyCommand(program: Command, host: Host): void {
  program
    .command('apply')
    .description('save workflows from files; of several nothing is saved unless all are valid')
    .requiredOption(
      '-f, --file <path>',
      'a definition, a folder of them, or - for standard input; may be repeated',
      collectText,
    )
    .option('--project <name>', 'the project, whatever the files say')
    .option('--dry-run', 'only check')
    .addHelpText(
      'after',
      examples(
        'pelorus apply -f flow.yaml',
        'pelorus apply -f ./workflows --project etl --dry-run',
        'generate | pelorus apply -f -',
      ),
    )
    .action(async (flags: ApplyFlags, command: Command) => {
      const session = openSession(command, host);
      const files = (await Promise.all(flags.file.map((path) => filesAt(path, host)))).flat();
      writeApplied(
        session,
        await applyAll(session, files, { project: flags.project ?? null, dryRun: flags.dryRun === true }),
      );
    });
}

async function filesAt(path: string, host: Host): Promise<DefinitionFile[]> {
  if (path === '-') return [definitionFromText(await host.readStdin())];
  const isFolder = await stat(resolve(host.directory, path)).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return [await readDefinitionFile(path, host.directory)];
  const files = await findDefinitionFiles(path, host.directory);
  if (files.length > 0) return files;
  throw new Failure({
    exitCode: EXIT.usage,
    what: `there is no definition in ${path}`,
    why: 'a definition is a .yaml, .yml or .json file with `tasks:`',
  });
}

async function applyAll(session: Session, files: DefinitionFile[], options: ApplyOptions): Promise<Applied[]> {
  if (files.length > 1 || options.dryRun) {
    const checked = await checkAll(session, files, options);
    if (options.dryRun) return checked;
  }
  const applied: Applied[] = [];
  for (const file of files) applied.push(await applyDefinition(session.client, file, options, session.signal));
  return applied;
}

/** Throws one failure that holds the problems of all files. */
async function checkAll(session: Session, files: DefinitionFile[], options: ApplyOptions): Promise<Applied[]> {
  const checked: Applied[] = [];
  const failures: Failure[] = [];
  for (const file of files) {
    try {
      checked.push(await applyDefinition(session.client, file, { ...options, dryRun: true }, session.signal));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (first === undefined) return checked;
  if (failures.length === 1) throw first;
  throw new Failure({
    exitCode: EXIT.usage,
    what: `${failures.length} of ${files.length} definitions are not valid; nothing was stored`,
    details: failures.flatMap((failure) => failure.fields.details ?? [failure.fields.what]),
  });
}

function writeApplied(session: Session, applied: Applied[]): void {
  for (const one of applied)
    for (const warning of one.warnings) session.terminal.err.write(`warning: ${problemText(one.file, warning)}\n`);
  const columns: Column<Applied>[] = [
    { title: 'WORKFLOW', value: (one) => `${one.project}/${one.name}` },
    { title: 'VERSION', value: (one) => (one.version === null ? '-' : String(one.version)) },
    { title: 'RESULT', value: resultOf, tone: (one) => (one.changed ? 'good' : 'quiet') },
    { title: 'FILE', value: (one) => one.file },
  ];
  writeListing(session.terminal.out, session.format, {
    rows: applied,
    columns,
    name: (one) => `${one.project}/${one.name}`,
    none: '',
  });
}

function resultOf(one: Applied): string {
  if (one.version === null) return 'valid';
  if (one.created) return 'created';
  if (one.changed) return 'changed';
  return one.textChanged ? 'text changed' : 'unchanged';
}
