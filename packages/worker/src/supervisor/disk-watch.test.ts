import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DiskWatch } from './disk-watch.ts';

const MIB = 2 ** 20;

test('who holds more than the limit is found, over as many turns as that takes; who is young, or links elsewhere, is not', () => {
  const top = mkdtempSync(join(tmpdir(), 'pelorus-disk-'));
  const put = (attempt: string, files: number, bytes: number): void => {
    mkdirSync(join(top, attempt, 'deep/er'), { recursive: true });
    for (let file = 0; file < files; file += 1)
      writeFileSync(join(top, attempt, `deep/er/${file}`), Buffer.alloc(bytes));
  };
  put('few', 2, 5 * MIB);
  put('many', 1_300, 8_192);
  put('small', 1, MIB);
  put('young', 2, MIB);
  symlinkSync(join(top, 'few'), join(top, 'small/link'));
  const all = ['few', 'gone', 'many', 'small', 'young'].map((attempt) => ({
    attempt,
    startedAt: attempt === 'young' ? Date.now() : 0,
    paths: [join(top, attempt), join(top, `${attempt}.output`)],
  }));
  const watch = new DiskWatch<string>();
  const turns = [1, 2].map(() => watch.turn(() => all, 9 * MIB));
  expect(turns).toEqual([['few'], ['many']]);
  rmSync(top, { recursive: true });
});
