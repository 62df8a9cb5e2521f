/**
 * One request's caller. Owns: what was asked about it, so that a handler which checked nothing is noticed.
 * Invariant: nothing is changed on behalf of a caller before the route's rule has been satisfied; see `create-api.ts`.
 */
import {
  OWNER_BITS,
  RIGHT_BITS,
  type AccessRule,
  type Caller,
  type Identity,
  type OfProject,
  type Right,
} from './access.ts';
import type { ApiStore } from '../store/port.ts';
import { ApiFailure } from './problem.ts';

/** Bits of a user by project id, owned projects with all of them. */
export type Grants = ReadonlyMap<number, number>;

export interface CheckedCaller extends Caller {
  /** The route's rule has been satisfied: always so for rules that need no project. */
  readonly isAdmitted: boolean;
  /** Where a right was refused; null: nowhere so far. */
  readonly refusedIn: OfProject | null;
  /** What was granted so far: a stream ends when any of it is withdrawn. */
  readonly asked: readonly { right: Right; object: OfProject }[];
}

/** Throws `NOT_SIGNED_IN` or `FORBIDDEN` when the rule already refuses the sender; `grantsOf` is asked at most once. */
export function createCaller(
  rule: AccessRule,
  sender: { identity: Identity | null; address: string },
  grantsOf: (user: string) => Promise<Grants>,
): CheckedCaller {
  const { identity, address } = sender;
  if (rule.who !== 'anyone' && identity === null)
    throw new ApiFailure('NOT_SIGNED_IN', 'sign in, or send the header Authorization: Bearer <token>');
  if (rule.who === 'administrator' && identity?.administrator !== true)
    throw new ApiFailure('FORBIDDEN', 'only an administrator may do this');
  let admitted = rule.who !== 'member';
  const asked: { right: Right; object: OfProject }[] = [];
  let grants: Promise<Grants> | null = null;
  let refusedIn: OfProject | null = null;
  const user = identity?.user ?? '';
  const ownGrants = () => (grants ??= grantsOf(user));

  const may = async (right: Right, object: OfProject): Promise<boolean> => {
    if (identity === null) return false;
    if (identity.administrator) return true;
    if (identity.projects !== null && !identity.projects.includes(object.project)) return false;
    const bits = ((await ownGrants()).get(object.projectId) ?? 0) & identity.mask;
    return (bits & RIGHT_BITS[right]) !== 0;
  };
  const demand = async (right: Right, object: OfProject): Promise<void> => {
    if (await may(right, object)) return void asked.push({ right, object });
    refusedIn = object;
    throw new ApiFailure('FORBIDDEN', `${user === '' ? 'nobody' : user} may not ${VERBS[right]} this project`);
  };
  return {
    user,
    identity,
    address,
    get isAdmitted() {
      return admitted;
    },
    get refusedIn() {
      return refusedIn;
    },
    asked,
    may,
    demand,
    admit: async (object) => {
      await demand(rule.who === 'member' ? rule.right : 'read', object);
      admitted = true;
    },
    visibleProjects: async () => {
      if (identity === null) return [];
      if (identity.administrator) return null;
      const masked = [...(await ownGrants())].filter(([, bits]) => (bits & identity.mask & RIGHT_BITS.read) !== 0);
      return masked.map(([project]) => project);
    },
  };
}

/** What `createCaller` asks: the user's bits in the projects that the credentials are for. */
export function grantsReader(
  store: Pick<ApiStore, 'grantsOf'>,
  identity: Pick<Identity, 'projects'> | null,
): (user: string) => Promise<Grants> {
  const within = identity?.projects ?? null;
  return async (user) => {
    const grants = await store.grantsOf(user);
    const granted = grants.filter(({ project }) => within === null || within.includes(project));
    return new Map(granted.map(({ projectId, bits }) => [projectId, bits]));
  };
}

const VERBS: Record<Right, string> = {
  read: 'read what is in',
  write: 'change what is in',
  execute: 'run what is in',
  own: 'administer',
};

/** The administrator of the configuration: who holds `PELORUS_ADMIN_TOKEN`. */
export function administrator(user: string): Identity {
  return { user, administrator: true, via: 'admin-token', mask: OWNER_BITS, projects: null, credential: null };
}
