/** Rows of accounts, tokens, members and the audit as the API shows them. */
import {
  ROLE_BITS,
  type AuditView,
  type MemberView,
  type MeView,
  type Permission,
  type RoleName,
  type SessionView,
  type TokenView,
  type UserView,
} from '@pelorus/protocol';
import type { AuditRow, GrantRow, MemberRow, SessionRow, TokenRow, UserRow } from '../store/access-port.ts';
import type { ProjectRow } from '../store/port.ts';
import { OWNER_BITS, RIGHT_BITS, type Identity } from './access.ts';
import { instantText } from './views.ts';

/** Of an owner, as published. */
const ALL_PERM = 7;

export function permOf(permission: Permission): number {
  return typeof permission === 'number' ? permission : ROLE_BITS[permission];
}

export function userView(row: UserRow): UserView {
  return {
    name: row.name,
    email: row.email,
    administrator: row.administrator,
    disabled: row.disabledAt !== null,
    hasPassword: row.hasPassword,
    createdAt: instantText(row.createdAt),
    createdBy: row.createdBy,
    updatedAt: instantText(row.updatedAt),
    updatedBy: row.updatedBy,
  };
}

export function sessionView(row: SessionRow, current: boolean): SessionView {
  return {
    id: row.id,
    current,
    address: row.address,
    createdAt: instantText(row.createdAt),
    seenAt: instantText(row.seenAt),
    endsAt: instantText(row.endsAt),
  };
}

export function tokenView(row: TokenRow): TokenView {
  return {
    id: row.id,
    user: row.user,
    name: row.name,
    perm: row.mask === OWNER_BITS ? null : row.mask & ALL_PERM,
    projects: row.projects,
    createdAt: instantText(row.createdAt),
    expiresAt: optionalInstant(row.expiresAt),
    usedAt: optionalInstant(row.usedAt),
  };
}

/** What is left of the grants after the restrictions of the token, if it is one. */
export function meView(
  identity: Identity,
  known: { account: UserRow | null; token: TokenRow | null; grants: readonly GrantRow[] },
): MeView {
  const { account, token, grants } = known;
  const { mask, projects } = identity;
  return {
    user: identity.user,
    email: account?.email ?? null,
    administrator: identity.administrator,
    hasPassword: account?.hasPassword ?? false,
    via: identity.via,
    token: token === null ? null : tokenView(token),
    projects: grants
      .filter(
        ({ project, bits }) => (bits & mask & ALL_PERM) !== 0 && (projects === null || projects.includes(project)),
      )
      .map(({ project, bits }) => ({
        name: project,
        perm: bits & mask & ALL_PERM,
        owner: (bits & mask & RIGHT_BITS.own) !== 0,
      })),
  };
}

export function memberView(row: MemberRow): MemberView {
  return {
    user: row.user,
    perm: row.bits,
    role: roleOf(row.bits),
    addedAt: instantText(row.addedAt),
    addedBy: row.addedBy,
  };
}

export function ownerView({ owner, createdAt }: ProjectRow): MemberView {
  return { user: owner, perm: ALL_PERM, role: 'owner', addedAt: instantText(createdAt), addedBy: owner };
}

function roleOf(bits: number): RoleName | null {
  const found = (Object.keys(ROLE_BITS) as RoleName[]).find((name) => ROLE_BITS[name] === bits);
  return found ?? null;
}

export function auditView(row: AuditRow): AuditView {
  return {
    id: row.id,
    at: instantText(row.at),
    lastAt: instantText(row.lastAt),
    times: row.times,
    user: row.user === '' ? null : row.user,
    via: row.via,
    address: row.address,
    action: row.action,
    outcome: row.outcome,
    code: row.code,
    project: row.project,
    target: row.target,
  };
}

function optionalInstant(at: number | null): string | null {
  return at === null ? null : instantText(at);
}
