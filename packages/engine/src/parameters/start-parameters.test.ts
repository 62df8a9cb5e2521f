import { describe, expect, it } from 'vitest';
import type { ParameterDeclaration } from '@pelorus/protocol';
import { declared, shell, task, workflow } from './definition.fixture.ts';
import { resolveStartParameters } from './start-parameters.ts';

const one = task(shell('true'));
const asked = (params: Record<string, ParameterDeclaration>, given: Record<string, unknown>) => {
  const answer = resolveStartParameters(workflow([one], { params }), given);
  return answer.ok ? answer.params : answer.problems;
};

describe('resolveStartParameters', () => {
  it('gives back what it admits, declared or not', () => {
    const params: Record<string, ParameterDeclaration> = {
      n: { type: 'integer', required: true },
      region: { type: 'string', enum: ['cn'], required: false },
    };
    expect(asked(params, { n: '5', region: 'cn', extra: true, day: '$[yyyyMMdd-${n}]' })).toEqual({
      n: '5',
      region: 'cn',
      extra: true,
      day: '$[yyyyMMdd-${n}]',
    });
    expect(asked(declared({ a: 'x' }), {})).toEqual({});
  });

  it('names every problem at once', () => {
    const params: Record<string, ParameterDeclaration> = {
      n: { type: 'integer', required: false },
      region: { type: 'string', enum: ['cn', 'us'], required: false },
      must: { type: 'string', required: true },
    };
    expect(
      asked(params, {
        n: 'abc',
        region: 'de',
        'a b': 1,
        'system.biz.date': 'x',
        LD_PRELOAD: 'x',
        nul: 'a\0',
        half: '\udc00',
        list: [1],
        infinite: Infinity,
        long: 'x'.repeat(65_537),
        open: '${a',
        bad: '$[yyyyMMDD]',
        key: '${secret.db}',
      }),
    ).toEqual([
      'parameter `n` is declared as an integer; `abc` is not one',
      'parameter `region` may be `cn`, `us`; `de` is none of them',
      'parameter `a b` is not a name: a letter or _, then letters, digits, _ . -, at most 63 characters',
      'parameter `system.biz.date` is a name of the system, which nothing overrides',
      "parameter `LD_PRELOAD` decides what programs load; only a task's `env` may set it",
      'parameter `nul` holds a NUL character',
      'parameter `half` holds half a surrogate pair, which is no character',
      'parameter `list` must be a text, a finite number, true or false',
      'parameter `infinite` must be a text, a finite number, true or false',
      'parameter `long` is longer than 65536 bytes',
      'parameter `open` cannot be read: `${a` has no closing `}` (line 1)',
      'parameter `bad` cannot be read: bad time expression `$[yyyyMMDD]`: `DD` is not a field of a format; the day is dd; a literal `$[` is written `$$[` (line 1)',
      'parameter `key` names a secret, which only a definition may do',
      'parameter `must` is required and was not given',
    ]);
  });

  it('checks a value with references against its declaration only once it has one', () => {
    expect(asked({ n: { type: 'integer', required: true } }, { n: '$[yyyy]' })).toEqual({ n: '$[yyyy]' });
  });

  it('finds circles that the given values close', () => {
    expect(asked(declared({ a: '${b}', b: 'x' }), { b: '${a}' })).toEqual([
      'parameters refer to one another in a circle: `b` → `a` → `b`',
    ]);
  });

  it('has a limit on how many', () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`p${n}`, 1]));
    expect(asked({}, many)).toEqual(['1001 start parameters are more than 1000']);
  });

  it('counts bytes, not characters', () => {
    expect(asked({}, { a: 'ä'.repeat(32_768) })).toEqual({ a: 'ä'.repeat(32_768) });
    expect(asked({}, { a: `${'ä'.repeat(32_768)}x` })).toEqual(['parameter `a` is longer than 65536 bytes']);
  });
});
