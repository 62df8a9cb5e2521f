import { describe, expect, test } from 'vitest';
import { checkFile, checkRepository } from './check-imports.ts';

const sentences = (file: string, source: string): string[] =>
  checkFile(file, source).map(({ line, sentence }) => `${line}: ${sentence}`);

test('the repository keeps its import table', () => {
  expect(checkRepository()).toEqual([]);
});

describe('a forbidden import is found', () => {
  test('of a package', () => {
    expect(sentences('packages/worker/src/agent.ts', "\nimport { decide } from '@pelorus/engine';")).toEqual([
      '2: worker may not import engine (@pelorus/engine)',
    ]);
  });

  test('by a relative path out of the folder', () => {
    expect(sentences('packages/server/src/store/a.ts', "import type { Loop } from '../master/loop.ts';")).toEqual([
      '1: server/store may not import server/master (../master/loop.ts)',
    ]);
  });

  test('through export from, import() and a type import', () => {
    const source =
      "export * from '@pelorus/worker';\nconst m = await import('@pelorus/sdk');\ntype R = import('@pelorus/server/store').RunRow;";
    expect(sentences('packages/engine/src/a.ts', source)).toEqual([
      '1: engine may not import worker (@pelorus/worker)',
      '2: engine may not import sdk (@pelorus/sdk)',
      '3: engine may not import server/store (@pelorus/server/store)',
    ]);
  });

  test('as a script for a thread', () => {
    const source = "new Worker(new URL('../../worker/src/agent.ts', import.meta.url));";
    expect(sentences('packages/sdk/src/a.ts', source)).toEqual([
      '1: sdk may not import worker (../../worker/src/agent.ts)',
    ]);
  });

  test('of values where only types are allowed', () => {
    const source =
      "import type { Live } from '@pelorus/server/master';\nimport { startMaster } from '@pelorus/server/master';";
    expect(sentences('packages/server/src/api/a.ts', source)).toEqual([
      '2: server/api may import only types of server/master (@pelorus/server/master)',
    ]);
  });

  test('of a name that is kept out, also by a namespace', () => {
    expect(sentences('packages/server/src/api/a.ts', "import { planOf, decide } from '@pelorus/engine';")).toEqual([
      '1: server/api may never import decide',
    ]);
    expect(sentences('packages/server/src/api/a.ts', "import * as engine from '@pelorus/engine';")).toEqual([
      '1: server/api must import by name from engine, so that decide and apply stay out',
    ]);
  });

  test('of a test by what is shipped', () => {
    expect(sentences('packages/engine/src/a.ts', "import { fixture } from '../test/fixtures.ts';")).toEqual([
      '1: packages/engine/test/fixtures.ts is for tests; nothing else may import it',
    ]);
  });
});

describe('a pure unit', () => {
  test('reads neither clock nor chance', () => {
    const source =
      'const a = Date.now();\nconst b = new Date();\nconst c = Math.random();\nconst d = new Date(5);\nDate.UTC(2024, 1);';
    expect(sentences('packages/engine/src/a.ts', source)).toEqual([
      '1: engine is pure: the time is an argument here',
      '2: engine is pure: the time is an argument here',
      '3: engine is pure: chance is an argument here',
    ]);
    expect(sentences('packages/server/src/master/a.ts', source)).toEqual([]);
  });

  test('imports no module of Node', () => {
    expect(sentences('packages/protocol/src/a.ts', "import { readFileSync } from 'node:fs';")).toEqual([
      '1: protocol is pure and may not import node:fs',
    ]);
  });
});

test('a file outside every unit is reported, a test is free', () => {
  expect(sentences('packages/novelty/src/a.ts', '')).toEqual(['1: belongs to no unit of scripts/import-table.ts']);
  expect(sentences('packages/protocol/src/a.test.ts', "import '@pelorus/server/api';")).toEqual([]);
});
