/** Entity tags of workflows, and what requests expect of them (`If-Match`, `If-None-Match`). */
import type { SaveWorkflow, WorkflowRow } from '../store/port.ts';
import { ApiFailure } from './problem.ts';

/** Of one version with one text. */
export function workflowTag({
  version,
  hash,
  textRevision,
}: Pick<WorkflowRow, 'version' | 'hash' | 'textRevision'>): string {
  return `"${version}-${hash.slice(0, 16)}${textRevision === 0 ? '' : `-${textRevision}`}"`;
}

export interface Expecting {
  /** Null: the header is absent. */
  ifMatch: readonly string[] | null;
  ifNoneMatch: readonly string[];
}

export type ExpectedVersion = Pick<SaveWorkflow, 'ifVersion' | 'ifTextRevision'>;

/**
 * What a save must find stored: a version with its text, nothing (null), or anything (neither given). Throws `PRECONDITION_FAILED`, with the version there is, when
 * that is clear already; the store decides when two come at once.
 */
export function expectedVersion(now: WorkflowRow | null, { ifMatch, ifNoneMatch }: Expecting): ExpectedVersion {
  if (ifNoneMatch.includes('*')) {
    if (now !== null) throw preconditionFailed(now, 'it exists already');
    return { ifVersion: null };
  }
  if (ifMatch === null) return {};
  if (now === null) throw preconditionFailed(null, 'there is no such workflow');
  if (ifMatch.includes('*') || ifMatch.includes(workflowTag(now)))
    return { ifVersion: now.version, ifTextRevision: now.textRevision };
  throw preconditionFailed(now, `it has version ${now.version} now: somebody changed it meanwhile`);
}

export function preconditionFailed(now: WorkflowRow | null, why: string, cause?: unknown): ApiFailure {
  const name = now === null ? 'the workflow' : `workflow ${now.project}/${now.name}`;
  return new ApiFailure('PRECONDITION_FAILED', `${name} was not changed: ${why}`, {
    version: now?.version ?? null,
    cause,
  });
}
