import { setImmediate } from 'node:timers/promises';
import { API_LIMITS } from './limits.ts';
import type { Answer } from './route.ts';

/**
 * An answer with a long list in it, turned into text a slice at a time, so that a list of 10,000 does not hold up
 * every other request. `head` are the members beside the list; `around` puts text before and after the whole.
 */
export function slicedAnswer<Item>(
  list: { head: object; key: string; items: readonly Item[]; view: (item: Item, index: number) => unknown },
  around: { before: string; after: string } = { before: '', after: '' },
): Answer {
  const { head, key, items, view } = list;
  if (items.length <= API_LIMITS.itemsPerSlice && around.before === '')
    return { status: 200, body: { json: { ...head, [key]: items.map(view) } } };
  return { status: 200, body: { stream: slices(head, key, items, view, around) } };
}

async function* slices<Item>(
  head: object,
  key: string,
  items: readonly Item[],
  view: (item: Item, index: number) => unknown,
  around: { before: string; after: string },
): AsyncIterable<string> {
  const opening = JSON.stringify(head).slice(0, -1);
  yield `${around.before}${opening}${opening === '{' ? '' : ','}${JSON.stringify(key)}:[`;
  let texts: string[] = [];
  let since = performance.now();
  for (const [index, item] of items.entries()) {
    texts.push(JSON.stringify(view(item, index)));
    if (performance.now() - since < API_LIMITS.sliceMs) continue;
    yield `${texts.join(',')}${index < items.length - 1 ? ',' : ''}`;
    texts = [];
    await setImmediate();
    since = performance.now();
  }
  yield texts.join(',');
  yield `]}${around.after}`;
}
