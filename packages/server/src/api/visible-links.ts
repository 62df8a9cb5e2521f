/** Links between runs. Sub-workflows cross projects, so each link is shown only to who may read the run that it leads to. */
import type { ChildRunRow, RunRow } from '../store/port.ts';
import type { ApiContext } from './context.ts';

type Needed = Pick<ApiContext, 'store' | 'caller'>;

/** The rows as they are, those with a parent that the caller may not read without it. */
export async function withVisibleParents<Row extends Pick<RunRow, 'spec'>>(
  { store, caller }: Needed,
  rows: Row[],
): Promise<Row[]> {
  const visible = await caller.visibleProjects();
  const parents = new Set(rows.flatMap(({ spec }) => spec.parent?.run ?? []));
  if (visible === null || parents.size === 0) return rows;
  const projects = await store.projectsOfRuns([...parents]);
  const mayRead = new Set<number | undefined>(visible);
  return rows.map((row) =>
    row.spec.parent === null || mayRead.has(projects.get(row.spec.parent.run))
      ? row
      : { ...row, spec: { ...row.spec, parent: null } },
  );
}

export async function visibleChildren({ caller }: Needed, rows: ChildRunRow[]): Promise<ChildRunRow[]> {
  const visible = await caller.visibleProjects();
  if (visible === null) return rows;
  const mayRead = new Set(visible);
  return rows.filter((row) => mayRead.has(row.projectId));
}
