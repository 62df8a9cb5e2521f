import { join } from 'node:path';
import { describe } from 'vitest';
import { testWorker } from './protocol-tests.ts';

describe('the worker of Pelorus', () => {
  testWorker({ command: [process.execPath, join(import.meta.dirname, 'worker-process.ts')], skip: null });
});
