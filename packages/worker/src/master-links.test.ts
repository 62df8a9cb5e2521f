import type { WorkerLink } from '@pelorus/protocol';
import { afterEach, expect, test } from 'vitest';
import { keepLinked, type LinkEnd, type MasterAddress } from './master-links.ts';

let ending = new AbortController();
let ended: Promise<void> = Promise.resolve();
afterEach(async () => {
  ending.abort();
  await ended;
});

/** Masters that let everybody in, unless they are away. */
class Masters {
  /** Dials by key. */
  readonly dials = new Map<string, number>();
  readonly away = new Set<string>();
  listed: string[] = [];
  lists = 0;
  failing = false;
  readonly instead = new Map<string, Promise<void>>();
  readonly served = new Map<string, () => void>();
  readonly warnings: string[] = [];

  run(): void {
    ending = new AbortController();
    ended = keepLinked({
      masters: () => this.#list(),
      serve: (link) => this.#serve(link),
      log: { warn: (_fields, event) => void this.warnings.push(event) },
      signal: ending.signal,
      listAgainMs: 20,
    });
    ending.signal.addEventListener('abort', () => {
      for (const hangUp of [...this.served.values()]) hangUp();
    });
  }

  dialled(key: string): number {
    return this.dials.get(key) ?? 0;
  }

  async #list(): Promise<MasterAddress[]> {
    this.lists += 1;
    if (this.failing) throw new Error('no such name');
    return this.listed.map((key) => ({ key, connect: () => this.#connect(key) }));
  }

  async #connect(key: string): Promise<WorkerLink> {
    this.dials.set(key, this.dialled(key) + 1);
    if (this.away.has(key)) throw new Error('connection refused');
    return { send: () => {}, onFrame: () => {}, close: () => {}, key } as WorkerLink;
  }

  async #serve(link: WorkerLink): Promise<LinkEnd> {
    const { key } = link as WorkerLink & { key: string };
    if (this.served.has(key)) throw new Error(`two links to ${key}`);
    if (ending.signal.aborted) return { instead: null };
    await new Promise<void>((gone) => this.served.set(key, gone));
    this.served.delete(key);
    return { instead: this.instead.get(key) ?? null };
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`did not happen: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('each master gets one link, and one that is away is tried again without delaying the others', async () => {
  const masters = new Masters();
  masters.listed = ['a', 'b', 'c'];
  masters.away.add('b');
  masters.run();
  await until(() => masters.served.has('a') && masters.served.has('c') && masters.dialled('b') >= 3);
  masters.away.clear();
  await until(() => masters.served.size === 3);
  const { lists } = masters;
  await until(() => masters.lists > lists + 5);
  expect([masters.dialled('a'), masters.dialled('c')]).toEqual([1, 1]);
});

test('a link that breaks is opened again, the others stay', async () => {
  const masters = new Masters();
  masters.listed = ['a', 'b'];
  masters.run();
  await until(() => masters.served.size === 2);
  masters.served.get('a')?.();
  await until(() => masters.dialled('a') === 2 && masters.served.size === 2);
  expect(masters.dialled('b')).toBe(1);
});

test('masters that come are dialled; those that go keep the link that lives, and are not dialled again', async () => {
  const masters = new Masters();
  masters.listed = ['a'];
  masters.run();
  await until(() => masters.served.has('a'));
  masters.listed = ['b'];
  await until(() => masters.served.has('b'));
  expect([...masters.served.keys()]).toEqual(['a', 'b']);
  masters.served.get('a')?.();
  const { lists } = masters;
  await until(() => masters.lists > lists + 20);
  expect(masters.dialled('a')).toBe(1);
  masters.listed = ['a', 'b'];
  await until(() => masters.served.has('a'));
});

test('a list that cannot be had changes nothing', async () => {
  const masters = new Masters();
  masters.failing = true;
  masters.run();
  await until(() => masters.lists >= 3);
  masters.failing = false;
  masters.listed = ['a'];
  await until(() => masters.served.has('a'));
  masters.failing = true;
  const { lists } = masters;
  masters.served.get('a')?.();
  await until(() => masters.lists > lists + 3 && masters.served.has('a'));
  expect(masters.warnings).toContain('the masters could not be listed');
});

test('it ends when it is told to, also while it waits', async () => {
  const masters = new Masters();
  masters.listed = ['a', 'b'];
  masters.away.add('b');
  masters.run();
  await until(() => masters.served.has('a'));
  ending.abort();
  await ended;
  expect(masters.served.size).toBe(0);
});

test('an address that leads to the master of another is not dialled before that link is gone', async () => {
  const masters = new Masters();
  masters.listed = ['a', 'b'];
  masters.run();
  await until(() => masters.served.size === 2);
  const { promise, resolve } = Promise.withResolvers<void>();
  masters.instead.set('a', promise);
  masters.served.get('a')?.();
  const { lists } = masters;
  await until(() => masters.lists > lists + 10);
  expect(masters.dialled('a')).toBe(1);
  resolve();
  await until(() => masters.served.has('a'));
});
