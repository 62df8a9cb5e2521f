import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import type { AttemptSpec, MasterToWorker, WorkerToMaster } from './wire.ts';
import { versionProblem, WIRE_VERSION } from './wire.ts';
import { readMasterFrame, readWorkerFrame, wireJsonSchema } from './wire-schema.ts';

const PUBLISHED = join(import.meta.dirname, '../../../docs/schemas/worker-protocol.json');

/**
 * What the messages of each version are, as a hash of their schemas. A version that was released never changes: raise `WIRE_VERSION` and
 * add a line. Of one that was not released yet the line is replaced, once docs/worker-protocol.md says what is new.
 */
const HASHES: Record<number, string> = {
  1: '0504bdb4337d0bc2be423c8772d559ed',
};

/** Of the schemas alone: what describes them to people may be reworded. */
function hashOf(document: object): string {
  return createHash('sha256')
    .update(JSON.stringify(meaningOf(document)))
    .digest('hex')
    .slice(0, 32);
}

function meaningOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaningOf);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => key !== 'description' && key !== 'title')
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, meaningOf(inner)]));
}

describe('the published schemas', () => {
  test('a change of the messages asks for another version', () => {
    expect({ [WIRE_VERSION]: hashOf(wireJsonSchema()) }).toEqual({ [WIRE_VERSION]: HASHES[WIRE_VERSION] });
    expect(Math.max(...Object.keys(HASHES).map(Number))).toBe(WIRE_VERSION);
  });

  test('the hash notices what a peer could notice', () => {
    const before = hashOf(wireJsonSchema());
    const changed = (from: string, to: string): string =>
      hashOf(JSON.parse(JSON.stringify(wireJsonSchema()).replace(from, to)) as object);
    expect(changed('"killGraceMs"', '"killGrace"')).not.toBe(before);
    expect(changed('"no_capacity"', '"full"')).not.toBe(before);
    expect(changed('masters and workers say', 'both say')).toBe(before);
  });

  test('docs/schemas/worker-protocol.json is what this program speaks (UPDATE_SCHEMAS=1 writes it anew)', () => {
    if (process.env['UPDATE_SCHEMAS']) {
      mkdirSync(dirname(PUBLISHED), { recursive: true });
      writeFileSync(PUBLISHED, `${JSON.stringify(wireJsonSchema(), null, 2)}\n`);
    }
    expect(JSON.parse(readFileSync(PUBLISHED, 'utf8'))).toEqual(wireJsonSchema());
  });

  const spec: AttemptSpec = {
    attempt: '12.0.1' as never,
    project: 'p',
    workflow: 'w',
    task: 't',
    logicalDate: '2024-03-15T00:00:00Z',
    action: { type: 'shell', run: 'true', file: null, shell: 'sh', substitution: 'env' },
    params: {},
    env: {},
    files: [],
    connection: null,
    outputs: {},
    killGraceMs: 10_000,
    executionLeaseMs: 60_000,
  };
  const dispatch: MasterToWorker[] = [{ kind: 'dispatch', spec }];
  const report: WorkerToMaster[] = [
    { kind: 'report', worker: 'w-1' as never, report: { kind: 'accepted', attempt: '12.0.1' as never, sequence: 1 } },
  ];
  const cases: [string, 'MasterFrame' | 'WorkerFrame', unknown, boolean][] = [
    ['a dispatch', 'MasterFrame', dispatch, true],
    [
      'a dispatch of a task without a command',
      'MasterFrame',
      [{ kind: 'dispatch', spec: { ...spec, action: {} } }],
      false,
    ],
    ['a report', 'WorkerFrame', report, true],
    [
      'a report on something that is no attempt',
      'WorkerFrame',
      JSON.parse(JSON.stringify(report).replace('12.0.1', '12')),
      false,
    ],
    ['what only the other side says', 'WorkerFrame', dispatch, false],
    ['a message that is not in an array', 'WorkerFrame', report[0], false],
  ];

  test.each(cases)('a validator of JSON Schema judges %s as this program does', (_what, name, frame, isRight) => {
    const ajv = new Ajv2020({ strict: false });
    const validate = ajv.compile({ ...wireJsonSchema(), $ref: `#/$defs/${name}` });
    expect(validate(frame)).toBe(isRight);
    const read = (): unknown => (name === 'MasterFrame' ? readMasterFrame(frame) : readWorkerFrame(frame));
    if (isRight) expect(read()).toEqual({ messages: frame, refused: [] });
  });
});

describe('reading a frame', () => {
  test('kinds that are not known are passed over, and so are members', () => {
    expect(readWorkerFrame([{ kind: 'later' }, { kind: 'goodbye', worker: 'w-1', why: 1 }])).toEqual({
      messages: [{ kind: 'goodbye', worker: 'w-1' }],
      refused: [],
    });
  });

  test('a message of a known kind that cannot be read is refused with the place', () => {
    const { messages, refused } = readMasterFrame([{ kind: 'lease', sentAt: 'now', leaseMs: 1, accepting: true }]);
    expect(messages).toEqual([]);
    expect(refused).toEqual([expect.stringMatching(/^message 0 \(lease\), sentAt: /)]);
  });

  test.each([
    ['no array', {}],
    ['a message without a kind', [1]],
    ['null for a message', [null]],
    ['a greeting of a far version', [{ kind: 'welcome', master: 'm', version: WIRE_VERSION + 2, leaseMs: 1 }]],
    ['a greeting without a version', [{ kind: 'welcome', master: 'm', leaseMs: 1 }]],
    ['a greeting that cannot be read', [{ kind: 'welcome', version: WIRE_VERSION }]],
  ])('%s is no frame of this protocol', (_what, frame) => {
    expect(() => readMasterFrame(frame)).toThrow();
  });

  test('neighbouring versions are spoken with, others are not', () => {
    const spoken = [-2, -1, 0, 1, 2].filter((distance) => versionProblem(WIRE_VERSION + distance) === null);
    expect(spoken).toEqual([-1, 0, 1]);
    for (const version of [undefined, '1', NaN, 1.5])
      expect(versionProblem(version)).toBe('the greeting names no version');
  });
});
