/** Chance that depends on a seed only. */

export interface Chance {
  /** In [0, 1). */
  next: () => number;
  /** In [low, high). */
  between(low: number, high: number): number;
  /** Whole, in [low, high]. */
  whole(low: number, high: number): number;
  pick<Item>(items: readonly Item[]): Item;
  yes(probability: number): boolean;
}

/** mulberry32; `stream` tells several sources of one seed apart. */
export function chanceOf(seed: number, stream = 0): Chance {
  let state = (seed ^ Math.imul(stream + 1, 0x9e3779b9)) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    whole: (low, high) => low + Math.floor(next() * (high - low + 1)),
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new Error('there is nothing to pick from');
      return item;
    },
    yes: (probability) => next() < probability,
  };
}
