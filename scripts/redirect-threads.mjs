// Loaded by each process and thread of the tests before anything else: threads start from the files of `test-threads.ts`.
import { registerHooks } from 'node:module';

const madeOf = JSON.parse(process.env.TEST_THREADS ?? '{}');

registerHooks({
  resolve: (specifier, context, next) =>
    specifier in madeOf ? { url: madeOf[specifier], format: 'module', shortCircuit: true } : next(specifier, context),
});
