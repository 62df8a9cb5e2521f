import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  bundleOf,
  definitionFromText,
  findDefinitionFiles,
  looksLikeFile,
  readDefinitionFile,
} from './definition-files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pelorus-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): void {
  mkdirSync(dirname(join(directory, name)), { recursive: true });
  writeFileSync(join(directory, name), text);
}

test('definitions are the YAML and JSON files with tasks, in any folder that is neither hidden nor of npm', async () => {
  write('b.yaml', 'name: b\ntasks: {}\n');
  write('a/c.json', '{"name":"c","tasks":{}}');
  write('a/settings.yaml', 'color: blue\n');
  write('broken.yml', 'tasks:\n  a: [\n');
  write('notes.txt', 'tasks:\n');
  write('node_modules/x/flow.yaml', 'tasks: {}\n');
  write('.hidden/flow.yaml', 'tasks: {}\n');
  const found = await findDefinitionFiles('.', directory);
  expect(found.map(({ shown, name, format }) => [shown, name, format])).toEqual([
    ['a/c.json', 'c', 'json'],
    ['b.yaml', 'b', 'yaml'],
    ['broken.yml', 'broken', 'yaml'],
  ]);
});

test('a bundle holds each file that tasks and defaults name, once', async () => {
  write(
    'sub/flow.yaml',
    'defaults: { files: [shared.txt] }\ntasks:\n  a: { type: shell, file: run.sh, files: [lib/words.txt, shared.txt] }\n  b: { type: shell, file: run.sh }\n',
  );
  write('sub/run.sh', 'run');
  write('sub/lib/words.txt', 'words');
  write('sub/shared.txt', 'shared');
  const { bundle, faults } = await bundleOf(await readDefinitionFile('sub/flow.yaml', directory));
  expect(faults).toEqual([]);
  expect(
    Object.fromEntries(bundle.files.map((file) => [file.name, Buffer.from(file.base64, 'base64').toString()])),
  ).toEqual({
    'run.sh': 'run',
    'lib/words.txt': 'words',
    'shared.txt': 'shared',
  });
});

test('files that cannot be sent along are told, each with the reason', async () => {
  write('flow.yaml', 'tasks:\n  a: { files: [gone.txt, ../secret, /etc/passwd, folder] }\n');
  mkdirSync(join(directory, 'folder'));
  writeFileSync(join(dirname(directory), 'secret'), 'x');
  const { bundle, faults, absent } = await bundleOf(await readDefinitionFile('flow.yaml', directory));
  rmSync(join(dirname(directory), 'secret'));
  expect(bundle.files).toEqual([]);
  expect(absent).toEqual(['gone.txt: there is no such file']);
  expect(faults).toEqual([
    '../secret: must be in the folder of the definition or below',
    '/etc/passwd: must be in the folder of the definition or below',
    'folder: is not a file',
  ]);
});

test('standard input may be JSON or YAML', () => {
  expect(definitionFromText(' {"name":"a","project":"p"}')).toMatchObject({ name: 'a', project: 'p', format: 'json' });
  expect(definitionFromText('name: a\n')).toMatchObject({ name: 'a', project: null, format: 'yaml' });
});

test.each([
  ['flow.yaml', true],
  ['./x/flow.yml', true],
  ['flow.json', true],
  ['samples/hello', false],
  ['hello', false],
])('%s is a file: %s', (written, expected) => {
  expect(looksLikeFile(written)).toBe(expected);
});
