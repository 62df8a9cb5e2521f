import { join } from 'node:path';
import { describe } from 'vitest';
import { testWorker } from './protocol-tests.ts';

describe.concurrent('pelorus worker', () => {
  testWorker({
    command: [process.execPath, join(import.meta.dirname, '../../../cli/src/main.ts'), 'worker'],
    environment: { PELORUS_OPS: '127.0.0.1:0' },
    skip: null,
  });
});
