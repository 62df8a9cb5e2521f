/**
 * Who may do what. Every route states its rule; a handler loads what a request is about through `lookup.ts`, which asks
 * the caller for the right that the route's rule names. So the right is always checked on the project of the loaded object,
 * never on a name in the path or the body.
 */

/** In a project: its bits as published (`w` 4, `r` 2, `x` 1), or being its owner. */
export type Right = 'read' | 'write' | 'execute' | 'own';

export type AccessRule =
  | { who: 'anyone' }
  | { who: 'signed-in' }
  | { who: 'administrator' }
  | { who: 'member'; right: Right };

export const ANYONE: AccessRule = { who: 'anyone' };
export const SIGNED_IN: AccessRule = { who: 'signed-in' };
export const ADMINISTRATOR: AccessRule = { who: 'administrator' };

/** The caller needs `right` in the project of what the request is about. */
export function inProject(right: Right): AccessRule {
  return { who: 'member', right };
}

/** Bits of a member; an owner has all of them. */
export const RIGHT_BITS = { execute: 1, read: 2, write: 4, own: 8 } as const satisfies Record<Right, number>;
export const OWNER_BITS = 15;

/** Who sends a request, as its credentials say. */
export interface Identity {
  user: string;
  /** May do everything; never true of a restricted token. */
  administrator: boolean;
  via: 'session' | 'token' | 'admin-token';
  /** Bits that a restricted token leaves its owner; `OWNER_BITS`: all. */
  mask: number;
  /** Names of the projects that a restricted token is for; null: all of its owner's. */
  projects: readonly string[] | null;
  /** Which session or token it is, for ending it; null for the administrator's token of the configuration. */
  credential: string | null;
}

/** What is asked of the project that an object belongs to. */
export interface OfProject {
  projectId: number;
  project: string;
}

/** One request's sender, with the right that the route asks for. */
export interface Caller {
  /** Empty for nobody. */
  readonly user: string;
  readonly identity: Identity | null;
  readonly address: string;
  /** Throws `FORBIDDEN` unless the caller has the route's right there (`read`, where the route's rule is no right in a project). */
  admit(object: OfProject): Promise<void>;
  /** The same for another right than the route's. */
  demand(right: Right, object: OfProject): Promise<void>;
  may(right: Right, object: OfProject): Promise<boolean>;
  /** Ids of the projects that the caller may read; null: all. Lists are filtered by it in the store. */
  visibleProjects(): Promise<number[] | null>;
}

/** Of a token that may less than its owner; sessions never are. */
export function isRestricted({ mask, projects }: Pick<Identity, 'mask' | 'projects'>): boolean {
  return mask !== OWNER_BITS || projects !== null;
}
