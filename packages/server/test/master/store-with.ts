/** A store of which some verbs do something else. */
import type { Store } from '../../src/store/index.ts';

/** All other verbs are those of `store`. */
export function storeWith(store: Store, verbs: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(verbs, name) ?? Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
