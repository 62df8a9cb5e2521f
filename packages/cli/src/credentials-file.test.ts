import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { credentialsPath, readKnownToken, writeKnownToken } from './credentials-file.ts';

let home: string;
let file: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'pelorus-home-'));
  file = credentialsPath({ HOME: home }) ?? '';
});
afterEach(() => rmSync(home, { recursive: true }));

const ann = { token: 'plr_a', user: 'ann', id: 3 };

test('are kept in the configuration directory of the user', () => {
  expect(file).toBe(join(home, '.config', 'pelorus', 'credentials.json'));
  expect(credentialsPath({ HOME: home, XDG_CONFIG_HOME: '/etc/x' })).toBe('/etc/x/pelorus/credentials.json');
  expect(credentialsPath({})).toBeNull();
});

test('a token is for the server that gave it, whatever the path of its address', () => {
  writeKnownToken(file, 'http://one.example:8080/', ann);
  writeKnownToken(file, 'https://two.example/pelorus', { ...ann, user: 'bob' });
  expect(readKnownToken(file, 'http://one.example:8080/api/v1')).toEqual(ann);
  expect(readKnownToken(file, 'https://two.example')).toMatchObject({ user: 'bob' });
  for (const server of ['http://one.example', 'https://one.example:8080', 'http://one.example.evil:8080', 'nonsense'])
    expect(readKnownToken(file, server)).toBeNull();
  writeKnownToken(file, 'http://one.example:8080', null);
  expect(readKnownToken(file, 'http://one.example:8080')).toBeNull();
  expect(readKnownToken(file, 'https://two.example')).toMatchObject({ user: 'bob' });
});

test('only the user can read them, also after somebody has opened the file to others', () => {
  writeKnownToken(file, 'http://one.example', ann);
  writeFileSync(file, readFileSync(file), { mode: 0o644 });
  writeKnownToken(file, 'http://one.example', ann);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a file that is not as it should be holds none', () => {
  writeKnownToken(file, 'http://one.example', ann);
  for (const text of ['', '[]', 'null', '{"http://one.example":1}', '{"http://one.example":{"token":1,"user":"x"}}']) {
    writeFileSync(file, text);
    expect(readKnownToken(file, 'http://one.example')).toBeNull();
  }
  expect(readKnownToken(join(home, 'none'), 'http://one.example')).toBeNull();
});
