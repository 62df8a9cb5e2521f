/** Accounts, credentials, members and the audit, as the HTTP API reads and answers them. */

/** Bits of a member as published: `w` 4, `r` 2, `x` 1. */
export const ROLE_BITS = { viewer: 2, operator: 3, editor: 7 } as const satisfies Record<string, number>;
export type RoleName = keyof typeof ROLE_BITS;
/** Bits from 1 to 7, or the name of a role. */
export type Permission = number | RoleName;

export interface UserView {
  name: string;
  email: string | null;
  administrator: boolean;
  disabled: boolean;
  hasPassword: boolean;
  createdAt: string;
  createdBy: string;
  updatedAt: string;
  updatedBy: string;
}

/** Body of `PUT /users/{name}`; what is absent stays as it is. */
export interface UserBody {
  email?: string | null;
  administrator?: boolean;
  disabled?: boolean;
  /** Of a user who is created by it only. */
  password?: string;
}

/** Who sends a request, and what they may. */
export interface MeView {
  user: string;
  email: string | null;
  administrator: boolean;
  hasPassword: boolean;
  via: 'session' | 'token' | 'admin-token';
  /** The token that the request carries. */
  token: TokenView | null;
  projects: MyProject[];
}

export interface MyProject {
  name: string;
  /** Bits from 1 to 7; what a restricted token leaves of them. */
  perm: number;
  owner: boolean;
}

/** Somewhere that a user is signed in. */
export interface SessionView {
  id: number;
  /** The one that asks. */
  current: boolean;
  /** Of the network, where it was opened from. */
  address: string;
  createdAt: string;
  /** When it was used last, within a minute. */
  seenAt: string;
  /** At the latest; earlier when it is not used. */
  endsAt: string;
}

export interface TokenView {
  id: number;
  user: string;
  name: string;
  /** Bits that it leaves its owner; null: all, in the projects that the owner owns being the owner, too. */
  perm: number | null;
  /** The projects that it is for; null: all of its owner's. */
  projects: string[] | null;
  createdAt: string;
  expiresAt: string | null;
  /** Within some minutes. */
  usedAt: string | null;
}

export interface TokenBody {
  name: string;
  /** RFC 3339. */
  expiresAt?: string;
  perm?: Permission;
  projects?: string[];
}

/** A token with its secret, which is shown this once. */
export interface TokenCreated extends TokenView {
  token: string;
}

export interface SignInLink {
  user: string;
  /** To be opened in a browser; works once. */
  url: string;
  expiresAt: string;
}

export interface MemberView {
  user: string;
  /** Bits from 1 to 7. */
  perm: number;
  /** Null: bits that no role has. */
  role: RoleName | 'owner' | null;
  addedAt: string;
  addedBy: string;
}

export interface AuditView {
  id: number;
  at: string;
  /** Of the last one, where `times` refusals of one minute are one row. */
  lastAt: string;
  times: number;
  /** Null: nobody who was signed in. */
  user: string | null;
  via: 'session' | 'token' | 'admin-token' | 'none';
  address: string;
  /** Operation id of the API; empty for what is no operation. */
  action: string;
  outcome: 'done' | 'refused';
  /** Of the error table, for refusals. */
  code: string | null;
  project: string | null;
  /** What it was about, e.g. `runs/12` or `projects/sales/members/ann`. */
  target: string;
}

export interface AuditQuery {
  user?: string;
  action?: string;
  project?: string;
  outcome?: AuditView['outcome'];
  /** RFC 3339: from then on, before then. */
  after?: string;
  before?: string;
  limit?: number;
  cursor?: string;
}
