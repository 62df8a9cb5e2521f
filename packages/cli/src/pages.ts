import type { Page } from '@pelorus/protocol';

const PAGE = 1000;

/** What a list has, page after page; no more than `most`. */
export async function allPages<Item>(
  list: (query: { limit: number; cursor?: string }) => Promise<Page<Item>>,
  most = Infinity,
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await list({
      limit: Math.min(PAGE, most - items.length),
      ...(cursor === null ? {} : { cursor }),
    });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && items.length < most);
  return items;
}
