/**
 * What the api role asks for about accounts, their credentials, the members of projects and the audit; part of the store's
 * port. Secrets never get here: codes, cookies and tokens come as the SHA-256 of them in hexadecimal, passwords as the text
 * that `passwords.ts` makes.
 */
import type { AuditStamp } from './port.ts';

export interface UserRow {
  name: string;
  /** In lower case. */
  email: string | null;
  administrator: boolean;
  /** Null: may sign in. */
  disabledAt: number | null;
  hasPassword: boolean;
  createdAt: number;
  createdBy: string;
  updatedAt: number;
  updatedBy: string;
}

/** What checking a password takes; `passwordHash` null: there is none, nothing fits. */
export interface SignInRow {
  user: UserRow;
  passwordHash: string | null;
}

export interface SessionRow {
  id: number;
  user: string;
  createdAt: number;
  /** Lags behind by as much as the API leaves between two `touchSession`. */
  seenAt: number;
  endsAt: number;
  /** Of the network, where it was opened from. */
  address: string;
}

export interface TokenRow {
  id: number;
  user: string;
  name: string;
  /** Bits that it leaves its owner; `OWNER_BITS` of the API: all. */
  mask: number;
  /** Names of the projects that it is for; null: all of its owner's. */
  projects: string[] | null;
  /** The token that it was made with; it ends with that one. */
  parent: number | null;
  createdAt: number;
  expiresAt: number | null;
  usedAt: number | null;
}

/** Times in milliseconds since 1970; `limit`: how many tokens the user may have. */
export interface NewToken {
  user: string;
  hash: string;
  name: string;
  mask: number;
  projects: string[] | null;
  parent: number | null;
  expiresAt: number | null;
  at: number;
  limit: number;
}

/** A credential with what its owner is now. */
export type OfAccount<Row> = Row & { administrator: boolean; disabled: boolean };

export interface NewSession {
  hash: string;
  at: number;
  endsAt: number;
  address: string;
  /** Sessions that a user may have; the oldest end to make room. */
  limit: number;
}

/** Fills by one with each try, leaks one in `leakMs`; full at `capacity`. */
export interface TryBucket {
  key: string;
  capacity: number;
  leakMs: number;
}

export interface GrantRow {
  projectId: number;
  project: string;
  /** 15 (`OWNER_BITS` of the API) for the owner, else those of the membership. */
  bits: number;
}

export interface MemberRow {
  projectId: number;
  user: string;
  bits: number;
  addedAt: number;
  addedBy: string;
}

export type AuditOutcome = 'done' | 'refused';

export interface AuditRow {
  id: number;
  at: number;
  /** Of the last one, where several refusals of one minute are one row. */
  lastAt: number;
  times: number;
  /** Empty: nobody who signed in. */
  user: string;
  via: AuditStamp['via'];
  address: string;
  action: string;
  outcome: AuditOutcome;
  /** Of the error table, for refusals. */
  code: string | null;
  projectId: number | null;
  project: string | null;
  /** What it was about, as a path: `runs/12`, `projects/p/workflows/w`; empty when it was about nothing in particular. */
  target: string;
}

export interface Refusal {
  stamp: AuditStamp;
  code: string;
  project: { id: number; name: string } | null;
  /** One of few: refusals are counted by it. */
  target: string;
  /** How many alike. */
  times: number;
}

export interface AuditFilter {
  user?: string;
  action?: string;
  projectId?: number;
  outcome?: AuditOutcome;
  /** Epoch ms: at or after, before. */
  after?: number;
  before?: number;
  /** Rows behind this one in the order of the list. */
  from?: { at: number; id: number };
  limit: number;
}

export interface AccessStore {
  /** What a user may in which projects, by their names. */
  grantsOf(user: string): Promise<GrantRow[]>;

  getUser(name: string): Promise<UserRow | null>;
  /** By name in any case, or by e-mail address. */
  findSignIn(login: { name: string } | { email: string }): Promise<SignInRow | null>;
  /** By name; `after` is a name. */
  listUsers(filter: { after?: string; limit: number }): Promise<UserRow[]>;
  /**
   * Creates a user or changes what is given. Disabling ends all sessions, tokens and links. CONFLICT for an e-mail address or
   * a name (in another case) that somebody else has, and for a change that leaves no administrator who may sign in.
   */
  saveUser(user: {
    name: string;
    email?: string | null;
    administrator?: boolean;
    disabled?: boolean;
    /** Of a user who is created by it; else not looked at. */
    passwordHash?: string | null;
    by: string;
    at: number;
  }): Promise<{ user: UserRow; created: boolean }>;
  /**
   * Ends the sign-in link and all sessions but `keepSession`; with `endTokens` all tokens, too. NOT_FOUND; CONFLICT when
   * `expected` is given and the hash is another by now.
   */
  setPassword(change: {
    user: string;
    passwordHash: string;
    expected?: string | null;
    keepSession: number | null;
    endTokens: boolean;
    by: string;
    at: number;
  }): Promise<void>;

  /** CONFLICT when the user may not sign in or has another password by now; NOT_FOUND. */
  createSession(session: NewSession & { user: string; passwordHash: string }): Promise<SessionRow>;
  /** Sessions that have ended are not found. */
  findSession(hash: string): Promise<OfAccount<SessionRow> | null>;
  /** Newest first, those that nobody has used for long as well. */
  listSessions(user: string): Promise<SessionRow[]>;
  touchSession(session: { id: number; at: number }): Promise<void>;
  endSession(id: number): Promise<void>;

  /** CONFLICT when the user has `limit` tokens; NOT_FOUND for a user or a parent that is not there (any more). */
  createToken(token: NewToken): Promise<TokenRow>;
  findToken(hash: string): Promise<OfAccount<TokenRow> | null>;
  getToken(id: number): Promise<TokenRow | null>;
  listTokens(user: string): Promise<TokenRow[]>;
  touchToken(token: { id: number; at: number }): Promise<void>;
  /** With those that were made with it. NOT_FOUND. */
  deleteToken(id: number): Promise<void>;

  /** Ends the one there was. NOT_FOUND; CONFLICT for a user who is disabled. `expiresAt` null: until it is used. */
  createSignInLink(link: {
    user: string;
    hash: string;
    expiresAt: number | null;
    by: string;
    at: number;
  }): Promise<void>;
  /** Uses it up. Null when there is none, or it has expired, or its user is disabled. */
  redeemSignInLink(request: { hash: string; session: NewSession }): Promise<SessionRow | null>;

  /** Counts a try in all buckets and answers 0; or, when one is full, counts nothing and answers how many ms it takes to leak. */
  takeTry(request: { buckets: TryBucket[]; at: number }): Promise<number>;
  /** After a try that succeeded: empties a bucket, takes the one try out of the other. */
  forgiveTry(request: { empty: string; giveBack: string }): Promise<void>;

  /** By name. */
  listMembers(projectId: number): Promise<MemberRow[]>;
  /** CONFLICT for the owner, or when there are `limit` members; NOT_FOUND for a user or project that is not there. */
  saveMember(member: {
    projectId: number;
    user: string;
    bits: number;
    by: string;
    at: number;
    limit: number;
  }): Promise<{ member: MemberRow; created: boolean }>;
  /** NOT_FOUND. */
  deleteMember(member: { projectId: number; user: string }): Promise<void>;
  /** The owner so far becomes a member with all of `bits`, if they have an account. NOT_FOUND; CONFLICT for a user who is disabled. */
  setProjectOwner(change: { projectId: number; user: string; bits: number; by: string; at: number }): Promise<void>;

  /** Refusals; those of one minute that are alike become one row. */
  writeAudit(refusals: Refusal[]): Promise<void>;
  /** Newest first. */
  listAudit(filter: AuditFilter): Promise<AuditRow[]>;
}
