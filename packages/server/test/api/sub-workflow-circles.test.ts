import { beforeAll, expect, test } from 'vitest';
import type { Problem, WorkflowSaved } from '@pelorus/protocol';
import { openApi, type ApiUnderTest } from './api-under-test.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await openApi();
  await api.call('PUT', '/projects/samples');
});

const headers = { 'content-type': 'application/yaml' };
const put = (name: string, child: string) =>
  api.call<WorkflowSaved & Problem>('PUT', `/projects/samples/workflows/${name}`, {
    body: `name: ${name}\ntasks:\n  go:\n    type: sub_workflow\n    workflow: ${child}\n`,
    headers,
  });

test('workflows that run one another are refused where the circle closes, and the older definition stays', async () => {
  expect((await put('first', 'second')).status).toBe(201);
  expect((await put('second', 'samples/third')).status).toBe(201);
  const closing = await put('third', 'first');
  expect(closing.status).toBe(422);
  expect(closing.body.errors).toEqual([
    {
      pointer: '/tasks/go/workflow',
      line: 5,
      column: 15,
      message:
        'sub-workflows that run one another never end: samples/third → samples/first → samples/second → samples/third',
    },
  ]);
  expect((await api.call('GET', '/projects/samples/workflows/third')).status).toBe(404);
});

test('the same child twice, and a child that is not there yet, are no circle', async () => {
  expect((await put('leaf', 'not-there-yet')).status).toBe(201);
  expect((await put('left', 'leaf')).status).toBe(201);
  expect((await put('right', 'leaf')).status).toBe(201);
});
