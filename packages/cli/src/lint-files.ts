/** `pelorus workflow lint`: everything that is wrong with definition files, found without a server. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DefinitionProblem } from '@pelorus/protocol';
import { checkLocally } from './apply-workflow.ts';
import { bundleOf, findDefinitionFiles, readDefinitionFile, type DefinitionFile } from './definition-files.ts';
import { EXIT } from './exit-codes.ts';
import { problemText } from './failure.ts';
import { writeListing, type Column } from './output.ts';
import type { Session } from './session.ts';

interface Finding extends DefinitionProblem {
  file: string;
  severity: 'error' | 'warning';
}

/** Writes the findings; exit code 2 when there is an error among them. */
export async function lintFiles(session: Session, paths: string[]): Promise<void> {
  const files = (await Promise.all(paths.map((path) => filesAt(path, session.host.directory)))).flat();
  const findings = (await Promise.all(files.map(findingsIn))).flat();
  const columns: Column<Finding>[] = [
    { title: 'SEVERITY', value: (one) => one.severity, tone: (one) => (one.severity === 'error' ? 'bad' : 'warn') },
    { title: 'PROBLEM', value: (one) => problemText(one.file, one) },
  ];
  const none = files.length === 1 ? 'no problems' : `no problems in ${files.length} definitions`;
  writeListing(session.terminal.out, session.format, { rows: findings, columns, name: (one) => one.file, none });
  if (findings.some((one) => one.severity === 'error')) process.exitCode = EXIT.usage;
}

async function filesAt(path: string, directory: string): Promise<DefinitionFile[]> {
  const isFolder = await stat(resolve(directory, path)).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? findDefinitionFiles(path, directory) : [await readDefinitionFile(path, directory)];
}

function elsewhere(message: string): DefinitionProblem {
  return { pointer: '', line: null, column: null, message: `${message}; the project must have it` };
}

async function findingsIn(file: DefinitionFile): Promise<Finding[]> {
  const { problems, warnings } = await checkLocally(file);
  const { faults, absent } = await bundleOf(file);
  const errors = [...problems, ...faults.map((message) => ({ pointer: '', line: null, column: null, message }))];
  return [
    ...errors.map((problem) => ({ ...problem, file: file.shown, severity: 'error' as const })),
    ...[...warnings, ...absent.map(elsewhere)].map((problem) => ({
      ...problem,
      file: file.shown,
      severity: 'warning' as const,
    })),
  ];
}
