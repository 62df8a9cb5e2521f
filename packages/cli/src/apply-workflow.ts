/** Saves a definition file with the files that it refers to, and says what is wrong with it where it is wrong. */
import type { DefinitionProblem, ParsedDefinition, WorkflowBundle } from '@pelorus/protocol';
import { ApiError, type Client } from '@pelorus/sdk';
import { bundleOf, readDefinitionFile, type DefinitionFile } from './definition-files.ts';
import { EXIT } from './exit-codes.ts';
import { Failure, problemText } from './failure.ts';
import type { Session } from './session.ts';

/** The project of definitions that name none, when the command names none either. */
export const DEFAULT_PROJECT = 'default';

export interface ApplyOptions {
  /** Wins over the one in the file. */
  project: string | null;
  /** Only validate. */
  dryRun: boolean;
}

export interface Applied {
  file: string;
  project: string;
  name: string;
  /** Null after a dry run. */
  version: number | null;
  created: boolean;
  changed: boolean;
  /** Without a new version. */
  textChanged: boolean;
  warnings: DefinitionProblem[];
}

/** Reads and saves one file. */
export async function applyFile(session: Session, path: string, options: ApplyOptions): Promise<Applied> {
  return applyDefinition(
    session.client,
    await readDefinitionFile(path, session.host.directory),
    options,
    session.signal,
  );
}

/** Throws a `Failure` with exit code 2 that lists every problem as `file:line:column`. Makes the project when it is missing. */
export async function applyDefinition(
  client: Client,
  file: DefinitionFile,
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<Applied> {
  const project = options.project ?? file.project ?? DEFAULT_PROJECT;
  const { bundle, faults, absent } = await bundleOf(file);
  if (faults.length > 0) throw invalidDefinition(file, (await checkLocally(file)).problems, faults);
  try {
    return {
      file: file.shown,
      project,
      ...(await (options.dryRun
        ? check(client, { file, project, bundle, absent }, signal)
        : save(client, file, project, bundle, signal))),
    };
  } catch (error) {
    if (error instanceof ApiError && error.code === 'INVALID_DEFINITION')
      throw invalidDefinition(file, error.errors, []);
    throw error;
  }
}

/** What the server checks, without a server. */
export async function checkLocally(file: DefinitionFile): Promise<ParsedDefinition> {
  // Loaded only here: most commands parse nothing.
  const [{ parseDefinition }, { checkCron, checkTemplate }] = await Promise.all([
    import('@pelorus/protocol'),
    import('@pelorus/engine'),
  ]);
  return parseDefinition(file.source, file.format, { checkCron, checkTemplate });
}

type Saved = Omit<Applied, 'file' | 'project'>;

async function save(
  client: Client,
  file: DefinitionFile,
  project: string,
  bundle: WorkflowBundle,
  signal: AbortSignal,
): Promise<Saved> {
  const saved = await client.workflows.save(project, file.name, bundle, signal).catch(async (error: unknown) => {
    if (!(error instanceof ApiError && error.code === 'PROJECT_NOT_FOUND')) throw error;
    await client.projects.put(project, {}, signal);
    return client.workflows.save(project, file.name, bundle, signal);
  });
  return {
    name: saved.name,
    version: saved.version,
    created: saved.created,
    changed: saved.changed,
    textChanged: saved.textChanged,
    warnings: saved.warnings,
  };
}

/** In a project that is not there yet, the check is made here. */
async function check(
  client: Client,
  {
    file,
    project,
    bundle,
    absent,
  }: { file: DefinitionFile; project: string; bundle: WorkflowBundle; absent: string[] },
  signal: AbortSignal,
): Promise<Saved> {
  const { name, warnings } = await client.workflows
    .validate(project, file.name, bundle, signal)
    .catch(async (error: unknown) => {
      if (!(error instanceof ApiError && error.code === 'PROJECT_NOT_FOUND')) throw error;
      const checked = await checkLocally(file);
      if (checked.definition === null || absent.length > 0) throw invalidDefinition(file, checked.problems, absent);
      return { name: checked.definition.name, warnings: checked.warnings };
    });
  return { name, version: null, created: false, changed: false, textChanged: false, warnings };
}

/** Exit code 2; `faults` are about files that it names. */
export function invalidDefinition(file: DefinitionFile, problems: DefinitionProblem[], faults: string[]): Failure {
  const count = problems.length + faults.length;
  return new Failure({
    exitCode: EXIT.usage,
    what: `${file.shown} is not a valid definition: ${count === 1 ? 'one problem' : `${count} problems`}; nothing was stored`,
    details: [
      ...problems.map((problem) => problemText(file.shown, problem)),
      ...faults.map((fault) => `${file.shown}: ${fault}`),
    ],
    todo: 'mend them and try again; `pelorus workflow lint <file>` checks without saving',
  });
}
