import { openRun } from '@pelorus/engine';
import type { AlertEvent, NotifyType } from '@pelorus/engine';
import { alertOf } from '@pelorus/engine';
import { runIdOf } from '@pelorus/protocol';
import type { RunState, WorkflowDefinition } from '@pelorus/protocol';
import { describe, expect, test } from 'vitest';
import { messageOfAlert } from '../../src/alerts/alert-message.ts';
import { retryDelayMs, TRIES_MAX } from '../../src/alerts/retry-delay.ts';
import { isAllowed } from '../../src/alerts/webhook.ts';
import { secretBytes, signatureHeaders } from '../../src/alerts/webhook-signature.ts';
import { alertOfEnd, AT, definition, newRun, status, taskDefinition } from '../store/records.ts';

describe('who is told what', () => {
  const run = (
    state: RunState,
    asked: { notifyType?: NotifyType; notifyMails?: string[]; notify?: WorkflowDefinition['notify']; dryRun?: boolean },
  ) => {
    const { notify = { on: 'none', to: [] }, notifyType = 'NONE', notifyMails = [], dryRun = false } = asked;
    const { idempotencyKey: _key, tasks: _tasks, ...spec } = newRun({ notifyType, notifyMails, dryRun });
    const id = runIdOf(7);
    const tasks = [taskDefinition('load', { timeout: { afterMs: 900, action: 'warn' } })];
    return openRun(
      {
        spec: { ...spec, id, projectId: 1, workflowId: 1, workflowVersion: 3 },
        status: status(id, { state, endedAt: AT + 10 }),
        tasks: [],
        attempts: [],
      },
      {
        workflow: { workflowId: 1, version: 3, definition: definition({ tasks, notify }), files: [] },
        projectParams: {},
      },
    );
  };
  const toldAtEnd = (state: RunState, asked: Parameters<typeof run>[1]) => {
    const alert = alertOf(run(state, asked), {
      kind: 'notify',
      run: runIdOf(7),
      subject: 'run-ended',
      task: null,
      at: AT + 10,
    });
    return alert && { event: alert.event, recipients: alert.recipients };
  };

  const ends: [RunState, AlertEvent, NotifyType[]][] = [
    ['succeeded', 'run-succeeded', ['SUCCESS', 'ALL']],
    ['failed', 'run-failed', ['FAILURE', 'ALL']],
    ['dependency_failed', 'run-failed', ['FAILURE', 'ALL']],
    ['stopped', 'run-stopped', ['ALL']],
  ];
  test.each(ends)('%s is %s, for those who asked for %j', (state, event, types) => {
    for (const notifyType of ['NONE', 'SUCCESS', 'FAILURE', 'ALL'] as const) {
      const expected = types.includes(notifyType) ? { event, recipients: ['a@x'] } : null;
      expect(toldAtEnd(state, { notifyType, notifyMails: ['a@x'] })).toEqual(expected);
    }
  });

  test('the workflow’s own recipients are told what the workflow says, each once', () => {
    const notify = { on: 'failure' as const, to: ['ops', 'a@x'] };
    const asked = { notifyType: 'ALL' as const, notify };
    expect(toldAtEnd('failed', { ...asked, notifyMails: ['a@x'] })?.recipients).toEqual(['a@x', 'ops']);
    expect(toldAtEnd('succeeded', { ...asked, notifyMails: ['a@x'] })?.recipients).toEqual(['a@x']);
  });

  test('NONE silences the workflow’s recipients too; nobody to tell is no alert; a dry run tells nobody', () => {
    const notify = { on: 'all' as const, to: ['ops'] };
    expect(toldAtEnd('failed', { notify })).toBeNull();
    expect(toldAtEnd('failed', { notifyType: 'ALL' })).toBeNull();
    expect(toldAtEnd('failed', { notifyType: 'ALL', notify, dryRun: true })).toBeNull();
  });

  test('a timeout warning goes to those who hear of failures, with the time that was allowed', () => {
    const warn = (task: string | null, notifyType: NotifyType) =>
      alertOf(run('running', { notifyType, notifyMails: ['a@x'] }), {
        kind: 'notify',
        run: runIdOf(7),
        subject: 'timeout-warning',
        task,
        at: AT,
      });
    expect(warn('load', 'FAILURE')).toMatchObject({
      id: '7.timeout-warning.load',
      event: 'timeout-warning',
      task: 'load',
      timeoutMs: 900,
    });
    expect(warn(null, 'ALL')).toMatchObject({ id: '7.timeout-warning', task: null, timeoutMs: 60_000 });
    expect(warn('load', 'SUCCESS')).toBeNull();
  });
});

describe('what is said', () => {
  const subject = (more: Parameters<typeof alertOfEnd>[1]) =>
    messageOfAlert(alertOfEnd(runIdOf(7), more), null).subject;
  test.each([
    [{}, '[Pelorus] sales/nightly run 7 failed: task load – exit code 3'],
    [
      { firstFailure: null, cause: { kind: 'timeout', afterMs: 60_000 } },
      '[Pelorus] sales/nightly run 7 failed: timed out after 1:00',
    ],
    [{ event: 'run-succeeded', state: 'succeeded' }, '[Pelorus] sales/nightly run 7 succeeded'],
    [
      { event: 'run-stopped', state: 'stopped', cause: { kind: 'killed_by', user: 'bob' } },
      '[Pelorus] sales/nightly run 7 was stopped by bob',
    ],
    [
      { event: 'timeout-warning', state: 'running', task: 'load', timeoutMs: 5_000 },
      '[Pelorus] sales/nightly run 7: task load takes longer than 5.0 s',
    ],
    [
      { event: 'timeout-warning', state: 'running', timeoutMs: 5_000 },
      '[Pelorus] sales/nightly run 7 takes longer than 5.0 s',
    ],
  ] as const)('%j', (more, expected) => {
    expect(subject(more as Parameters<typeof alertOfEnd>[1])).toBe(expected);
  });

  test('a name of any length or shape stays one line of bounded length', () => {
    const text = subject({ workflow: `a\n\u2028b\u0000${'x'.repeat(10_000)}` });
    expect(text).not.toMatch(/[\p{Cc}\u2028]/u);
    expect(text.length).toBeLessThanOrEqual(400);
  });

  test('a run that never started has no duration; no address is known without one being configured', () => {
    const { text, details } = messageOfAlert(alertOfEnd(runIdOf(7), { startedAt: null }), null);
    expect(text).toContain('Started:       not started');
    expect(text).not.toMatch(/Duration|Address/);
    expect(details).toMatchObject({ startedAt: null, durationMs: null, url: null });
  });
});

describe('the signature', () => {
  test('is that of the specification’s own example', () => {
    const headers = signatureHeaders(secretBytes('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')!, {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      at: 1_614_265_330_000,
      body: '{"test": 2432232314}',
    });
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('secrets are whsec_ and base64 of 24 to 64 bytes', () => {
    const of = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
    expect([23, 24, 64, 65].map((bytes) => secretBytes(of(bytes))?.length ?? null)).toEqual([null, 24, 64, null]);
    expect(secretBytes(of(32).slice(6))).toBeNull();
    expect(secretBytes('whsec_not base64 at all, but long enough to be one')).toBeNull();
  });
});

test('tries come at growing intervals, up to an hour, with up to a fifth more', () => {
  expect([1, 2, 3, 10, 11, 1000].map((tries) => retryDelayMs(tries, 0, 0))).toEqual([
    5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000,
  ]);
  expect(retryDelayMs(1, 0.5, 0)).toBe(5_500);
  expect(retryDelayMs(1, 0, 60_000)).toBe(60_000);
  expect(retryDelayMs(1, 0, 99_999_999)).toBe(3_600_000);
  const total = Array.from({ length: TRIES_MAX - 1 }, (_, i) => retryDelayMs(i + 1, 0, 0)).reduce(
    (sum, ms) => sum + ms,
  );
  expect(total / 3_600_000).toBeGreaterThan(5);
});

test('webhooks reach public and private networks, never link-local ones, this machine only when allowed', () => {
  const judged = (allowLoopback: boolean) => (address: string) => isAllowed(address, allowLoopback);
  const fine = ['93.184.216.34', '10.1.2.3', '192.168.0.4', '2606:2800:220:1::1', 'fd12:3456::1'];
  const never = [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '0.0.0.0',
    '::',
    'fe80::1',
    '224.0.0.1',
    '255.255.255.255',
    'ff02::1',
    'fd00:ec2::254',
  ];
  const own = ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'];
  for (const allowLoopback of [false, true]) {
    expect(fine.filter(judged(allowLoopback))).toEqual(fine);
    expect(never.filter(judged(allowLoopback))).toEqual([]);
    expect(own.filter(judged(allowLoopback))).toEqual(allowLoopback ? own : []);
  }
});
