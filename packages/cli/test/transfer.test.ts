/** Several workflows from one project into another, by the command line. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newPlace, type Place } from './dev-process.ts';

let place: Place;
beforeAll(async () => {
  place = await newPlace();
  await place.dev();
});
afterAll(async () => place.clear());

test('what is exported to a file is imported, the same again and unchanged the second time', async () => {
  expect(await place.pelorus('project', 'create', 'copy')).toMatchObject({ code: 0 });
  const to = join(place.directory, 'samples.zip');
  expect(await place.pelorus('project', 'export', 'samples', '--workflows', 'hello,fan-out', '--to', to)).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  });
  expect(readFileSync(to).subarray(0, 2).toString()).toBe('PK');
  const dry = await place.pelorus('project', 'import', 'copy', to, '--dry-run');
  expect(dry.code).toBe(0);
  expect(dry.stdout).toMatch(/^fan-out +fan-out\.yaml +created +1$/m);
  expect(dry.stdout).toMatch(/nothing was stored\n$/);
  expect((await place.pelorus('workflow', 'list', '--project', 'copy', '-o', 'name')).stdout).toBe('');
  expect(await place.pelorus('workflow', 'import', to, '--project', 'copy', '-o', 'name')).toEqual({
    code: 0,
    stdout: 'fan-out\nhello\n',
    stderr: '',
  });
  const [one, other] = await Promise.all(
    ['samples/hello', 'copy/hello'].map((name) => place.pelorus('workflow', 'export', name)),
  );
  expect(other).toEqual(one);
  expect((await place.pelorus('project', 'import', 'copy', to)).stdout).toMatch(/^hello +hello\.yaml +unchanged +1$/m);
});

test('a file with a definition that is wrong is refused as a whole, with file, line and column', async () => {
  const file = join(place.directory, 'two.yaml');
  writeFileSync(file, 'name: good\ntasks: { t: { run: x } }\n---\nname: bad\ntasks:\n  t: { run: x, needs: [u] }\n');
  const { code, stdout, stderr } = await place.pelorus('workflow', 'import', file, '--project', 'samples');
  expect(code).toBe(2);
  expect(stdout).toMatch(/nothing was stored\n$/);
  expect(stderr).toMatch(/^error: 1 of 2 workflows were refused; nothing was stored\n {2}\S*two\.yaml:6:\d+: /);
  expect((await place.pelorus('workflow', 'get', 'samples/good')).code).toBe(5);
  expect((await place.pelorus('project', 'import', 'samples', 'two.txt')).code).toBe(2);
});
