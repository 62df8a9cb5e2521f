/** The files of docs/deploy: they can be read by what they are for, and hold only settings that exist, with values that are accepted. */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { resolveSettings, SETTING_NAMES, SETTINGS, unknownEnvironmentNames, type Given } from '../src/settings.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const DEPLOY = join(ROOT, 'docs/deploy');
const read = (file: string): string => readFileSync(join(DEPLOY, file), 'utf8');

type Role = 'api' | 'master' | 'worker';
type Variables = Record<string, string>;

/** What each role does not start without, and what opens everything. */
const NEEDED: Record<Role, string[]> = {
  api: ['PELORUS_STORE', 'PELORUS_SECRET_KEY', 'PELORUS_OPS_TOKEN'],
  master: ['PELORUS_STORE', 'PELORUS_SECRET_KEY', 'PELORUS_OPS_TOKEN', 'PELORUS_WORKER_TOKEN'],
  worker: ['PELORUS_MASTERS', 'PELORUS_WORKER_TOKEN'],
};
const NEVER_FOR_WORKERS = /PELORUS_(STORE|SECRET_KEY|ADMIN_TOKEN|OPS_TOKEN)/;

/** Everything that is wrong with what a role is given. */
function problemsOf(role: Role, variables: Variables): string[] {
  const names = Object.keys(variables);
  const values: Given = {};
  for (const name of SETTING_NAMES) {
    const value = variables[SETTINGS[name].environment];
    if (value !== undefined) values[name] = value;
  }
  return [
    ...unknownEnvironmentNames(names),
    ...resolveSettings([{ source: 'environment', given: values }]).problems.map(
      ({ where, message }) => `${where} ${message}`,
    ),
    ...NEEDED[role]
      .filter((name) => !names.includes(name) && !names.includes(`${name}_FILE`))
      .map((name) => `${name} is missing`),
    ...(role === 'worker'
      ? names.filter((name) => NEVER_FOR_WORKERS.test(name)).map((name) => `${name} for a worker`)
      : []),
  ];
}

test('what is found wrong here is what is wrong', () => {
  const given = { PELORUS_STORE: 'mysql://db/p', PELORUS_SECRET_KEYS: 'x', PELORUS_OPS_TOKEN_FILE: '/t' };
  expect(problemsOf('worker', given)).toEqual([
    expect.stringContaining('PELORUS_SECRET_KEYS is not a setting'),
    expect.stringContaining('PELORUS_STORE must be'),
    'PELORUS_MASTERS is missing',
    'PELORUS_WORKER_TOKEN is missing',
    'PELORUS_STORE for a worker',
    'PELORUS_SECRET_KEYS for a worker',
    'PELORUS_OPS_TOKEN_FILE for a worker',
  ]);
});

describe('docker-compose.yaml', () => {
  interface Compose {
    services: Record<string, { command?: string[]; environment: Variables; secrets: string[]; networks: string[] }>;
    secrets: Record<string, { file: string }>;
    networks: Record<string, unknown>;
  }
  const compose = parse(read('docker-compose.yaml'), { merge: true }) as Compose;

  test.each(['api', 'master', 'worker'] as const)('%s is given what it needs, and nothing else', (role) => {
    const { command, environment, secrets } = compose.services[role]!;
    expect(command).toEqual([role]);
    expect(problemsOf(role, environment)).toEqual([]);
    const files = Object.values(environment).filter((value) => value.startsWith('/run/secrets/'));
    expect(files.map((file) => file.slice('/run/secrets/'.length)).toSorted()).toEqual(secrets.toSorted());
  });

  test('each secret is one that make-secrets.sh makes', () => {
    const made = [...read('make-secrets.sh').matchAll(/^make (\w+)/gm)].map(([, name]) => name!);
    expect(Object.keys(compose.secrets).toSorted()).toEqual(made.toSorted());
  });

  test('workers share no network with the database', () => {
    const { postgres, worker } = compose.services;
    expect(worker!.networks.filter((network) => postgres!.networks.includes(network))).toEqual([]);
    const named = Object.values(compose.services).flatMap(({ networks }) => networks);
    expect([...new Set(named)].toSorted()).toEqual(Object.keys(compose.networks).toSorted());
  });
});

describe('systemd', () => {
  test.each(['api', 'master', 'worker'] as const)('%s.env holds what it needs', (role) => {
    const lines = read(`systemd/${role}.env`)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const variables = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(problemsOf(role, variables)).toEqual([]);
    expect(read(`systemd/pelorus-${role}.service`)).toMatch(
      new RegExp(`^EnvironmentFile=/etc/pelorus/${role}\\.env$`, 'm'),
    );
  });

  test.skipIf(!existsSync('/usr/bin/systemd-analyze'))('takes the units as they are', () => {
    const units = globSync(join(DEPLOY, 'systemd/*.service'));
    expect(units).toHaveLength(3);
    let said = '';
    try {
      execFileSync('systemd-analyze', ['verify', '--man=no', ...units], {
        encoding: 'utf8',
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    } catch (error) {
      said = String((error as { stderr: string }).stderr);
    }
    // It is not installed in /opt here; one key is of systemd 254.
    const expected = /^$|is not executable|Unknown key 'DelegateSubgroup'/;
    expect(said.split('\n').filter((line) => !expected.test(line))).toEqual([]);
  });
});

describe('the Helm chart', () => {
  const templates = ['api', 'master', 'worker'] as const;

  /** As the template engine would, as far as these templates go: the words of the chart become a word. */
  function plain(template: string): string {
    return template
      .split('\n')
      .filter((line) => !/^\s*\{\{-? *(include "pelorus\.env"|with |end|range )/.test(line))
      .join('\n')
      .replaceAll(/\{\{- (include|toYaml)[^}]*\}\}/g, ' {}')
      .replaceAll(/\{\{ add [^}]*\}\}/g, '630')
      .replaceAll(/\{\{ \.Values\.worker\.drainSeconds \}\}/g, '600')
      .replaceAll(/\{\{ [^}]*(slots)[^}]*\}\}/g, '"50"')
      .replaceAll(/\{\{[^}]*\}\}/g, 'word');
  }

  interface Workload {
    kind: string;
    spec: {
      template: {
        spec: {
          terminationGracePeriodSeconds: number;
          containers: { args: string[]; env: { name: string; value?: string }[]; volumeMounts: { name: string }[] }[];
          volumes: { name: string; secret?: { items: { key: string; path: string }[] } }[];
        };
      };
    };
  }

  test.each(templates)('%s is given what it needs, and nothing else', (role) => {
    const documents = parseAllDocuments(plain(read(`helm/pelorus/templates/${role}.yaml`)));
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    const workload = documents[0]!.toJS() as Workload;
    const { containers, volumes } = workload.spec.template.spec;
    const [container] = containers;
    expect(container!.args).toEqual([role]);
    const variables = container!.env
      .filter(({ name }) => name.startsWith('PELORUS_'))
      .map(({ name, value = '' }) => [name, value]);
    expect(problemsOf(role, Object.fromEntries(variables) as Variables)).toEqual([]);
    const files = variables
      .filter(([name]) => name!.endsWith('_FILE'))
      .map(([, path]) => path!.replace('/etc/pelorus/secrets/', ''));
    expect(volumes.find(({ name }) => name === 'secrets')?.secret?.items.map(({ path }) => path)).toEqual(files);
  });

  test('its values are those that the templates use', () => {
    const values = parse(read('helm/pelorus/values.yaml')) as object;
    const used = globSync(join(DEPLOY, 'helm/pelorus/templates/*')).flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\.Values\.([\w.]+)/g)].map(([, path]) => path!),
    );
    const missing = used.filter((path) => valueAt(values, path.split('.')) === undefined);
    expect(missing).toEqual([]);
  });

  function valueAt(tree: unknown, path: string[]): unknown {
    return path.reduce((node, key) => (node as Record<string, unknown> | undefined)?.[key], tree);
  }

  const helm = globSync('/usr/{local/,}bin/helm')[0];
  test.skipIf(helm === undefined)('is taken by helm', () => {
    const rendered = execFileSync(helm!, ['template', 'pelorus', join(DEPLOY, 'helm/pelorus')], { encoding: 'utf8' });
    expect(parseAllDocuments(rendered).flatMap(({ errors }) => errors)).toEqual([]);
  });
});

test('the image is made of files that are there', () => {
  const sources = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files]) =>
    files!.split(' '),
  );
  expect(sources.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  expect(sources).toContain('package-lock.json');
});
