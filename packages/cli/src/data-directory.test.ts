import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dataDirectoryAt, makeDataDirectory } from './data-directory.ts';
import { Failure } from './failure.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelorus-data-directory-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (name: string) => dataDirectoryAt(name, `sqlite:${name}/pelorus.db`, directory);

test('a data directory is made with the folders above it, and nothing is left in it', () => {
  makeDataDirectory(at('a/b'));
  expect(readdirSync(join(directory, 'a', 'b'))).toEqual([]);
});

test('one that is there stays as it is', () => {
  mkdirSync(join(directory, 'kept'));
  writeFileSync(join(directory, 'kept', 'token'), 'x');
  makeDataDirectory(at('kept'));
  expect(readdirSync(join(directory, 'kept'))).toEqual(['token']);
});

test.each(['file', 'file/below'])('%s, which can be no folder, is told as a mistake of usage', (name) => {
  writeFileSync(join(directory, 'file'), '');
  let thrown: unknown;
  try {
    makeDataDirectory(at(name));
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(Failure);
  expect((thrown as Failure).fields).toMatchObject({
    exitCode: 2,
    what: `the data directory ${join(directory, name)} cannot be used`,
    why: expect.stringMatching(/EEXIST|ENOTDIR/),
  });
});
