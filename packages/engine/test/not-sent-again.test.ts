/** A dispatch that was lost, and of which something is gone when the worker says that it never saw it. */
import { type AttemptId, type MasterToWorker, type WorkerToMaster, workerIdOf } from '@pelorus/protocol';
import { expect, test } from 'vitest';
import type { Change, MasterCore } from '../src/index.ts';
import { task, workflow } from './fixtures.ts';
import { dispatched, hello, masterWith } from './one-worker.ts';

const worker = workerIdOf('w.1');
const attempt = '1.0.1' as AttemptId;

function said(core: MasterCore, at: number): { changes: Change[]; sent: MasterToWorker[] } {
  const outgoing = core.flush(at);
  return { changes: outgoing?.changes ?? [], sent: [...(outgoing?.sends.values() ?? [])].flat() };
}

test('a task whose secret is deleted while its dispatch is lost fails at once, and a late copy of the dispatch is held off', () => {
  const secrets = new Map([['pw', 'value']]);
  const script = task('a', [], {
    action: { type: 'shell', run: 'echo ${secret.pw}', file: null, shell: 'bash', substitution: 'env' },
    retry: { max: 3, intervalMs: 1000, backoff: 'fixed', maxIntervalMs: 1000 },
  });
  const core = masterWith(workflow([script]), {
    vault: {
      secret: (name) =>
        secrets.has(name)
          ? { kind: 'found', value: secrets.get(name)! }
          : { kind: 'problem', problem: `the project has no secret named ${name}` },
      connection: (name) => ({ kind: 'problem', problem: `no connection ${name}` }),
    },
  });
  core.frame(1, [hello('w.1')], 0);
  expect(dispatched(core, 0)).toEqual([attempt]);
  core.linkDown(1);
  secrets.delete('pw');

  core.frame(2, [hello('w.1')], 1000);
  const asked = said(core, 1000).sent.filter(({ kind }) => kind === 'query');
  expect(asked).toEqual([{ kind: 'query', attempts: [attempt] }]);
  const answer = (kind: 'never_seen' | 'tombstoned', sequence: number): WorkerToMaster =>
    ({ kind: 'report', worker, report: { kind, attempt, sequence } }) as const;
  core.frame(2, [answer('never_seen', 1)], 1001);
  const cause = { kind: 'invalid', detail: expect.stringContaining('no secret named pw') };
  expect(said(core, 1001).sent).toContainEqual(expect.objectContaining({ kind: 'kill', attempt, cause }));

  core.frame(2, [answer('tombstoned', 2)], 1002);
  const { changes } = said(core, 1002);
  const ends = changes.flatMap((change) =>
    change.kind === 'task-run' || change.kind === 'attempt' ? [[change.record.state, change.record.cause]] : [],
  );
  expect(ends).toContainEqual(['failed', cause]);
  expect(changes.at(-1)).toMatchObject({ kind: 'run', status: { state: 'failed' } });
});
