import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { colourWanted, readEnvironment } from './environment.ts';
import { Failure } from './failure.ts';
import { readServerFile, removeServerFile, writeServerFile } from './server-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelorus-environment-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const read = (variables: Record<string, string> = {}, flags = {}) =>
  readEnvironment({ flags: { data: join(directory, 'data'), ...flags }, variables, directory });

function failureOf(action: () => unknown): Failure['fields'] {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error.fields;
  }
  throw new Error('no failure');
}

test('a secret may be in a file; a plain value beats it', () => {
  const file = join(directory, 'secret');
  writeFileSync(file, 'from the file\n');
  expect(read({ PELORUS_TOKEN_FILE: file }).settings.token).toEqual({
    value: 'from the file',
    source: 'environment file',
  });
  expect(read({ PELORUS_TOKEN_FILE: file, PELORUS_TOKEN: 'plain' }).settings.token).toEqual({
    value: 'plain',
    source: 'environment',
  });
});

test('all that is wrong is told at once, by name', () => {
  writeFileSync(join(directory, 'pelorus.config.yaml'), 'prot: 1\n');
  const failure = failureOf(() => read({ PELORUS_TOKEN_FILE: join(directory, 'gone'), PELORUS_PORT: 'x' }));
  expect(failure.exitCode).toBe(2);
  expect(failure.details).toEqual([
    expect.stringMatching(/^PELORUS_TOKEN_FILE: .*gone cannot be read/),
    'prot in pelorus.config.yaml: there is no such setting; did you mean port?',
    'PELORUS_PORT: must be a port number from 0 to 65535, not "x"',
  ]);
});

test('an unreadable configuration file is told, not passed over', () => {
  writeFileSync(join(directory, 'pelorus.config.yaml'), 'port: [1\n');
  expect(failureOf(() => read()).details?.[0]).toMatch(/^pelorus\.config\.yaml: /);
});

test('a server that is no address is a setting that is not acceptable, also beside a running one', () => {
  mkdirSync(join(directory, 'data'));
  writeServerFile(join(directory, 'data'), { address: 'http://127.0.0.1:9123', token: 'secret', pid: process.pid });
  const failure = failureOf(() => read({}, { server: 'notaurl' }));
  expect(failure.exitCode).toBe(2);
  expect(failure.details).toEqual([expect.stringMatching(/^--server: must .*"notaurl"/)]);
});

test('server.json of the data directory gives address and token when nobody names a server', () => {
  mkdirSync(join(directory, 'data'));
  writeServerFile(join(directory, 'data'), { address: 'http://127.0.0.1:9123', token: 'secret', pid: process.pid });
  expect(read().settings).toMatchObject({
    server: { value: 'http://127.0.0.1:9123', source: 'server.json' },
    token: { value: 'secret', source: 'server.json' },
  });
});

test('its token goes to no other server', () => {
  mkdirSync(join(directory, 'data'));
  writeServerFile(join(directory, 'data'), { address: 'http://127.0.0.1:9123', token: 'secret', pid: process.pid });
  expect(read({ PELORUS_SERVER: 'http://other:9123' }).settings.token.value).toBe(null);
  expect(read({}, { server: 'http://127.0.0.1:9123/' }).settings.token.value).toBe('secret');
});

test('server.json is taken away only by the process that wrote it, and nonsense in it counts as none', () => {
  writeServerFile(directory, { address: 'http://127.0.0.1:1', token: 't', pid: 1 });
  removeServerFile(directory, 2);
  expect(readServerFile(directory)).toEqual({ address: 'http://127.0.0.1:1', token: 't', pid: 1 });
  removeServerFile(directory, 1);
  expect(readServerFile(directory)).toBe(null);
  writeFileSync(join(directory, 'server.json'), '{"address":"x"}');
  expect(readServerFile(directory)).toBe(null);
});

test.each([
  [{}, true],
  [{ NO_COLOR: '1' }, false],
  [{ NO_COLOR: '' }, true],
  [{ TERM: 'dumb' }, false],
])('%j: colour %s', (variables, wanted) => {
  expect(colourWanted(variables)).toBe(wanted);
});
