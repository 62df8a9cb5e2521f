import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe } from 'vitest';
import { testWorker } from './protocol-tests.ts';

/** Debian's package is for Debian's Python, which need not be the first in the PATH. */
const python = ['python3', '/usr/bin/python3'].find((path) => {
  try {
    execFileSync(path, ['-c', 'import websockets'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

describe.concurrent('the worker in Python', () => {
  testWorker({
    command: [python ?? 'python3', join(import.meta.dirname, '../../conformance/python/worker.py')],
    skip: python === undefined ? 'needs python3-websockets: apt-get install python3-websockets' : null,
  });
});
