/**
 * Schemas of what the API answers, each held against its type in the protocol: one that differs does not compile. They
 * describe and test answers; handlers are not slowed down by them.
 */
import { z } from 'zod';
import type { Page } from '@pelorus/protocol';

/** True when the two are the same type, member by member, `?` and `| undefined` told apart. */
export type Same<Left, Right> =
  (<Any>() => Any extends Left ? 1 : 2) extends <Any>() => Any extends Right ? 1 : 2 ? true : false;

interface DiffersFromItsType<Type> {
  'the schema differs from its type': Type;
}

/** `schemaOf<RunView>()('RunView', schema)`: the schema under that name in the OpenAPI document. */
export function schemaOf<Type>() {
  return <Schema extends z.ZodType>(
    name: string,
    schema: Schema & (Same<z.output<Schema>, Type> extends true ? unknown : DiffersFromItsType<Type>),
  ): Schema => schema.meta({ id: name });
}

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(name: string, item: Item) {
  return z
    .strictObject({ items: z.array(item), nextCursor: z.string().nullable() })
    .meta({ id: name }) satisfies z.ZodType<Page<z.output<Item>>>;
}

/** RFC 3339 in UTC, with milliseconds. */
export const instantAnswer = z.iso.datetime({ precision: 3 });
/** Epoch milliseconds. */
export const epochAnswer = z.int();
export const countAnswer = z.int().min(0);
/** SHA-256 in hexadecimal. */
export const hashAnswer = z.string().regex(/^[0-9a-f]{64}$/);
