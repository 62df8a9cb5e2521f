/** In which order names can be resolved that refer to one another, and which go round in circles. */

export interface ReferenceOrder {
  /** Everything reachable from the roots that `refersTo` knows; what a name refers to stands before it, cycles aside. */
  order: string[];
  /** Each as `[a, b, a]`. Empty exactly when there is none among the names reached. */
  cycles: string[][];
}

/** `refersTo` answers null for a name that has nothing to resolve. Iterative: a chain may be as long as it likes. */
export function referenceOrder(
  roots: Iterable<string>,
  refersTo: (name: string) => readonly string[] | null,
): ReferenceOrder {
  const order: string[] = [];
  const cycles: string[][] = [];
  const states = new Map<string, 'open' | 'done'>();
  const path: { name: string; refers: readonly string[]; next: number }[] = [];

  const enter = (name: string): void => {
    const state = states.get(name);
    if (state === 'done') return;
    if (state === 'open') {
      const from = path.findIndex((step) => step.name === name);
      cycles.push([...path.slice(from).map((step) => step.name), name]);
      return;
    }
    const refers = refersTo(name);
    if (refers === null) return;
    states.set(name, 'open');
    path.push({ name, refers, next: 0 });
  };

  for (const root of roots) {
    enter(root);
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const next = top.refers[top.next++];
      if (next !== undefined) enter(next);
      else {
        path.pop();
        states.set(top.name, 'done');
        order.push(top.name);
      }
    }
  }
  return { order, cycles };
}

/** `a → b → a`, shortened in the middle when very long. */
export function cycleText(cycle: string[]): string {
  const shown =
    cycle.length <= 12 ? cycle : [...cycle.slice(0, 8), `… ${cycle.length - 11} more …`, ...cycle.slice(-3)];
  return shown.map((name) => `\`${name}\``).join(' → ');
}
