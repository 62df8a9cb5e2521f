/** Accounts, credentials, members, the audit. */
import { z } from 'zod';
import type {
  AuditView,
  MemberView,
  MeView,
  SessionView,
  SignInLink,
  TokenCreated,
  TokenView,
  UserView,
} from '@pelorus/protocol';
import { countAnswer, instantAnswer, pageOf, schemaOf } from './schema-of.ts';

const bits = z.int().min(1).max(7);

export const userAnswer = schemaOf<UserView>()(
  'UserView',
  z.strictObject({
    name: z.string(),
    email: z.string().nullable(),
    administrator: z.boolean(),
    disabled: z.boolean(),
    hasPassword: z.boolean(),
    createdAt: instantAnswer,
    createdBy: z.string(),
    updatedAt: instantAnswer,
    updatedBy: z.string(),
  }),
);
export const userPage = pageOf('UserPage', userAnswer);

export const sessionPage = pageOf(
  'SessionPage',
  schemaOf<SessionView>()(
    'SessionView',
    z.strictObject({
      id: z.int().min(1),
      current: z.boolean(),
      address: z.string(),
      createdAt: instantAnswer,
      seenAt: instantAnswer,
      endsAt: instantAnswer,
    }),
  ),
);

const token = {
  id: z.int().min(1),
  user: z.string(),
  name: z.string(),
  perm: bits.nullable(),
  projects: z.array(z.string()).nullable(),
  createdAt: instantAnswer,
  expiresAt: instantAnswer.nullable(),
  usedAt: instantAnswer.nullable(),
};
export const tokenAnswer = schemaOf<TokenView>()('TokenView', z.strictObject(token));
export const tokenPage = pageOf('TokenPage', tokenAnswer);
export const tokenCreatedAnswer = schemaOf<TokenCreated>()(
  'TokenCreated',
  z.strictObject({ ...token, token: z.string() }),
);

export const meAnswer = schemaOf<MeView>()(
  'MeView',
  z.strictObject({
    user: z.string(),
    email: z.string().nullable(),
    administrator: z.boolean(),
    hasPassword: z.boolean(),
    via: z.enum(['session', 'token', 'admin-token']),
    token: tokenAnswer.nullable(),
    projects: z.array(z.strictObject({ name: z.string(), perm: bits, owner: z.boolean() })),
  }),
);

export const signInLinkAnswer = schemaOf<SignInLink>()(
  'SignInLink',
  z.strictObject({ user: z.string(), url: z.string(), expiresAt: instantAnswer }),
);

export const memberAnswer = schemaOf<MemberView>()(
  'MemberView',
  z.strictObject({
    user: z.string(),
    perm: bits,
    role: z.enum(['viewer', 'operator', 'editor', 'owner']).nullable(),
    addedAt: instantAnswer,
    addedBy: z.string(),
  }),
);
export const memberPage = pageOf('MemberPage', memberAnswer);

const auditAnswer = schemaOf<AuditView>()(
  'AuditView',
  z.strictObject({
    id: z.int().min(1),
    at: instantAnswer,
    lastAt: instantAnswer,
    times: countAnswer,
    user: z.string().nullable(),
    via: z.enum(['session', 'token', 'admin-token', 'none']),
    address: z.string(),
    action: z.string(),
    outcome: z.enum(['done', 'refused']),
    code: z.string().nullable(),
    project: z.string().nullable(),
    target: z.string(),
  }),
);
export const auditPage = pageOf('AuditPage', auditAnswer);
