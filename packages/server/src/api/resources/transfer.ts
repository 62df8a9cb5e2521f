/** Workflows of a project in one file: written, and read again. */
import { z } from 'zod';
import type { ImportReport } from '@pelorus/protocol';
import { StoreError, type ProjectRow } from '../../store/port.ts';
import { inProject } from '../access.ts';
import { importReportAnswer } from '../answers/transfer.ts';
import { importBody } from '../body.ts';
import type { ApiContext } from '../context.ts';
import { API_LIMITS } from '../limits.ts';
import { loadProject } from '../lookup.ts';
import { ApiFailure } from '../problem.ts';
import { ok, route, type Route } from '../route.ts';
import { flag, projectPath } from '../schemas.ts';
import { checkImport, type CheckedImport } from '../transfer/check-import.ts';
import { archiveOf, planArchive } from '../transfer/export-archive.ts';
import { readImport } from '../transfer/read-import.ts';

const exportProject = route({
  id: 'exportProject',
  method: 'GET',
  path: '/projects/:project/export',
  access: inProject('read'),
  summary: 'Workflows of a project as a zip that can be imported: all of them, or those of ?workflows=a,b',
  answers: { 200: { media: { 'application/zip': 'bytes' } } },
  params: projectPath,
  query: z.strictObject({ workflows: z.string().min(1).max(10_000).optional() }),
  handle: async ({ params, query, signal }, context) => {
    const project = await loadProject(context, params.project);
    const names = query.workflows === undefined ? null : [...new Set(query.workflows.split(','))];
    const plan = await planArchive(context, project, names);
    const release = context.transfers.exports.take();
    const ends = AbortSignal.any([signal, AbortSignal.timeout(API_LIMITS.exportMs)]);
    return {
      status: 200,
      headers: {
        'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(`${project.name}.zip`)}`,
      },
      body: { pieces: archiveOf(context, plan, ends, release), type: 'application/zip' },
    };
  },
});

const importProject = route({
  id: 'importProject',
  method: 'POST',
  path: '/projects/:project/import',
  access: inProject('write'),
  summary: 'Save several workflows at once, all of them or none; with ?dryRun=true only what would become of them',
  answers: { 200: importReportAnswer },
  params: projectPath,
  query: z.strictObject({ dryRun: flag.optional() }),
  body: importBody,
  handle: async ({ params, query, body }, context) => {
    const project = await loadProject(context, params.project);
    const release = context.transfers.imports.take();
    try {
      const checked = await checkImport(context, project, await readImport(body, context.definitions));
      if (query.dryRun === true) return ok(checked.report);
      if (checked.refused) throw refusedImport(checked.report);
      await store(context, project, checked);
      return ok({ ...checked.report, stored: true } satisfies ImportReport);
    } finally {
      release();
    }
  },
});

/** The 422 whose problems are those of all definitions, with the report. */
function refusedImport(report: ImportReport): ApiFailure {
  const refused = report.workflows.filter(({ outcome }) => outcome === 'refused');
  const errors = refused.flatMap(({ name, file, errors: own }) =>
    own.map((problem) => ({ ...problem, message: `${file ?? name ?? 'a definition'}: ${problem.message}` })),
  );
  const [first] = errors;
  const others = errors.length > 1 ? `; and ${errors.length - 1} more` : '';
  return new ApiFailure(
    'INVALID_DEFINITION',
    `nothing was imported: ${refused.length} of ${report.workflows.length} definitions were refused: ${first?.message ?? ''}${others}`,
    { errors: errors.slice(0, API_LIMITS.problemsShown), report },
  );
}

async function store(context: ApiContext, project: ProjectRow, { saves, newFiles }: CheckedImport): Promise<void> {
  if (saves.length === 0 && newFiles.length === 0) return;
  const request = {
    workflows: saves,
    files: newFiles.map(({ name, sha256, base64 }) => ({ path: name, sha256, bytes: Buffer.from(base64, 'base64') })),
    projectId: project.id,
    user: context.user,
    at: context.clock(),
    limits: { files: API_LIMITS.filesPerProject, bytes: API_LIMITS.filesBytesPerProject },
  };
  await context.store.saveTogether(request).catch((error: unknown) => {
    if (!(error instanceof StoreError) || error.code !== 'PRECONDITION') throw error;
    throw new ApiFailure('PRECONDITION_FAILED', `nothing was imported: ${error.message} Send it again.`, {
      cause: error,
    });
  });
  context.log.info({ project: project.name, workflows: saves.length, files: newFiles.length }, 'workflows imported');
}

export const transferRoutes: readonly Route[] = [exportProject, importProject];
