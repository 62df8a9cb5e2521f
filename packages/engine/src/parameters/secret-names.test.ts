import { describe, expect, test } from 'vitest';
import { declared, http, resolved, script, shell, sql, task, workflow } from './definition.fixture.ts';
import { namesSecrets, secretPlaces, secretsNamedBy } from './secret-names.ts';

const namedBy = (given: Parameters<typeof task>[0], over: Parameters<typeof task>[1] = {}) => {
  const answer = resolved(task(given, over));
  if (answer.kind === 'invalid') throw new Error(answer.detail);
  const { needed, wished } = secretsNamedBy(answer);
  return { needed: [...needed].toSorted(), wished: [...wished].toSorted() };
};

describe('what an attempt needs', () => {
  test('the names in its texts, wherever they stand', () => {
    expect(namedBy(shell('a ${secret.one} b ${secret.two}${secret.one}'))).toEqual({
      needed: ['one', 'two'],
      wished: [],
    });
    expect(namedBy(sql('select ${secret.s}', { preStatements: ['set x = ${secret.pre}'] })).needed).toEqual([
      'pre',
      's',
    ]);
    const call = http({
      url: 'http://h/?k=${secret.u}',
      headers: { a: '${secret.h}' },
      body: { x: [{ y: '${secret.b}' }] },
    });
    expect(namedBy(call).needed).toEqual(['b', 'h', 'u']);
    expect(namedBy(shell('true'), { env: { X: 'p ${secret.e}' }, params: { p: '${secret.p}' } }).needed).toEqual([
      'e',
      'p',
    ]);
  });

  test('nothing else that looks like one', () => {
    expect(namedBy(shell('${secretx} $secret.a ${other.secret.b} ${secret.} ${SECRET.c}'))).toEqual({
      needed: [],
      wished: [],
    });
  });

  test('in the source of a script a name is only a wish, unless a parameter names it', () => {
    expect(namedBy(script('`${secret.x} ${secret.y}`'), { params: { p: '${secret.y}' } })).toEqual({
      needed: ['y'],
      wished: ['x'],
    });
  });

  test('one that stands in a default of the workflow reaches the task through its parameters', () => {
    const own = task(shell('true'));
    const answer = resolved(own, { definition: workflow([own], { params: declared({ dsn: 'u:${secret.pw}@h' }) }) });
    expect(answer.kind === 'ready' && [...secretsNamedBy(answer).needed]).toEqual(['pw']);
  });

  test('what outputs and start parameters hold is no name', () => {
    const own = task(shell('echo $given'));
    const start = { given: '${secret.stolen}' };
    expect(resolved(own, { start })).toMatchObject({ kind: 'invalid' });
    const predecessors = [{ task: 'before', endedAt: 1, outputs: { given: '${secret.stolen}' } }];
    expect(resolved(own, { predecessors })).toMatchObject({ kind: 'invalid' });
  });
});

test('a definition that names none is known as such at once', () => {
  expect(namesSecrets(workflow([task(shell('echo ${x}'))]))).toBe(false);
  expect(namesSecrets(workflow([task(http({ body: { a: [{ b: '${secret.x}' }] } }))]))).toBe(true);
});

test('places are pointers into what a person wrote; disabled tasks and sources of scripts are left out', () => {
  const definition = workflow(
    [
      task(shell('echo ${secret.a} ${secret.a}'), {
        name: 'one',
        env: { 'X/Y': '${secret.b}' },
        params: { p: '${secret.a}' },
      }),
      task(http({ headers: { h: '${secret.c}' } }), { name: 'two' }),
      task(script('`${secret.d}`'), { name: 'three' }),
      task(shell('${secret.e}'), { name: 'four', disabled: true }),
    ],
    { params: declared({ dsn: '${secret.f}' }) },
  );
  expect(secretPlaces(definition).map(({ name, pointer }) => [name, pointer])).toEqual([
    ['f', '/params/dsn'],
    ['a', '/tasks/one/params/p'],
    ['b', '/tasks/one/env/X~1Y'],
    ['c', '/tasks/two/headers'],
  ]);
});
