/**
 * The only place that reads `process.env` and the standard configuration files. Everything else gets `Environment`
 * and `Settings` as arguments.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentialsPath, readKnownToken } from './credentials-file.ts';
import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { readServerFile } from './server-file.ts';
import {
  givenByConfigFile,
  resolveSettings,
  SETTING_NAMES,
  SETTINGS,
  unknownEnvironmentNames,
  type Given,
  type SettingName,
  type SettingProblem,
  type Settings,
} from './settings.ts';
import { yaml } from './yaml.ts';

export const CONFIG_FILE = 'pelorus.config.yaml';

export interface Environment {
  settings: Settings;
  /** About names that nothing reads; for stderr. */
  warnings: string[];
}

export interface EnvironmentInput {
  flags: Given;
  variables: Record<string, string | undefined>;
  directory: string;
}

/** The process's own variables, of which tasks and tests see only what is passed on by name. */
export function processVariables(): Record<string, string | undefined> {
  return process.env;
}

/** Colour is wanted unless NO_COLOR is set to anything, or the terminal says that it is dumb. */
export function colourWanted(variables: Record<string, string | undefined>): boolean {
  return (variables['NO_COLOR'] ?? '') === '' && variables['TERM'] !== 'dumb';
}

/** Throws a usage `Failure` that lists every value which is not acceptable. */
export function readEnvironment(input: EnvironmentInput): Environment {
  const problems: SettingProblem[] = [];
  const variables = givenByVariables(input.variables, problems);
  const config = givenByFile(join(input.directory, CONFIG_FILE), problems);
  const layers = [
    { source: 'flag' as const, given: input.flags },
    { source: 'environment' as const, given: variables.plain },
    { source: 'environment file' as const, given: variables.files },
    { source: 'pelorus.config.yaml' as const, given: config },
  ];
  const { data } = resolveSettings(layers).settings;
  const written = {
    source: 'server.json' as const,
    given: givenByServerFile(
      layers.map((layer) => layer.given),
      data.value ?? '',
    ),
  };
  const { server } = resolveSettings([...layers, written]).settings;
  const known = readKnownToken(credentialsPath(input.variables), server.value ?? '');
  // Who has signed in does so on purpose; the file of the server is merely there.
  const login = { source: 'pelorus login' as const, given: known === null ? {} : { token: known.token } };
  const resolved = resolveSettings([...layers, login, written]);
  problems.push(...resolved.problems);
  if (problems.length > 0) throw badSettings(problems);
  return { settings: resolved.settings, warnings: unknownEnvironmentNames(Object.keys(input.variables)) };
}

function badSettings(problems: SettingProblem[]): Failure {
  return new Failure({
    exitCode: EXIT.usage,
    what: problems.length === 1 ? 'a setting is not acceptable' : `${problems.length} settings are not acceptable`,
    details: problems.map((problem) => `${problem.where}: ${problem.message}`),
    todo: 'pelorus config view --show-sources shows what there is and where it comes from',
  });
}

function givenByVariables(
  variables: Record<string, string | undefined>,
  problems: SettingProblem[],
): { plain: Given; files: Given } {
  const plain: Given = {};
  const files: Given = {};
  for (const name of SETTING_NAMES) {
    const { environment, secret } = SETTINGS[name];
    const value = variables[environment];
    if (value !== undefined && value !== '') plain[name] = value;
    const file = secret ? variables[`${environment}_FILE`] : undefined;
    if (file !== undefined && file !== '') readSecret(name, file, files, problems);
  }
  return { plain, files };
}

function readSecret(name: SettingName, file: string, given: Given, problems: SettingProblem[]): void {
  try {
    given[name] = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    problems.push({ where: `${SETTINGS[name].environment}_FILE`, message: `${file} cannot be read: ${reason(cause)}` });
  }
}

function givenByFile(file: string, problems: SettingProblem[]): Given {
  try {
    const text = readFileSync(file, 'utf8');
    const read = givenByConfigFile(yaml().parse(text));
    problems.push(...read.problems);
    return read.given;
  } catch (cause) {
    if (isMissing(cause)) return {};
    problems.push({ where: CONFIG_FILE, message: reason(cause) });
    return {};
  }
}

/**
 * The address and token that `pelorus dev` wrote into its data directory, so that a moved port works. They count only
 * as long as nobody names a server; and the token goes to no other server than the one that wrote it.
 */
function givenByServerFile(before: Given[], dataDirectory: string): Given {
  const written = readServerFile(dataDirectory);
  if (written === null) return {};
  const named = before.find((given) => given.server !== undefined)?.server;
  // One that is no address at all is told with the other settings that are not acceptable.
  if (named !== undefined && URL.parse(named)?.origin !== URL.parse(written.address)?.origin) return {};
  return { server: written.address, token: written.token };
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
