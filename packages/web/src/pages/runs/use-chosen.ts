/** Which runs of a list are chosen: some of them, or everything that the list would show. */
import { useCallback, useEffect, useState } from 'react';

export interface ChosenRuns {
  ids: ReadonlySet<number>;
  everything: boolean;
  choose: (run: number, on: boolean) => void;
  chooseOnly: (runs: readonly number[]) => void;
  chooseEverything: (on: boolean) => void;
  clear: () => void;
}

/** `selection`: what was chosen among other runs is not what is looked at now. */
export function useChosenRuns(selection: unknown): ChosenRuns {
  const [ids, setIds] = useState<ReadonlySet<number>>(new Set());
  const [everything, setEverything] = useState(false);
  const choose = useCallback((run: number, on: boolean): void => {
    setEverything(false);
    setIds((before) => {
      const next = new Set(before);
      if (on) next.add(run);
      else next.delete(run);
      return next;
    });
  }, []);
  const chooseOnly = (runs: readonly number[]): void => {
    setEverything(false);
    setIds(new Set(runs));
  };
  const clear = (): void => chooseOnly([]);
  useEffect(clear, [selection]);
  return { ids, everything, choose, chooseOnly, chooseEverything: setEverything, clear };
}
