/** Changes of the store as the events that tell of them. */
import type { ChangeEvent, RunState } from '@pelorus/protocol';
import type { Changed, Changes, DeletedPart } from '../store/events-port.ts';
import type { ApiStore, RunRow } from '../store/port.ts';
import { backfillSummary } from './backfill-views.ts';
import type { RunTallies, RunTally } from './run-tallies.ts';
import { calendarSummary, deadlineView, maintenanceView, scheduleView, tickView } from './schedules/views.ts';
import { runView } from './views.ts';

/** One thing that has changed. */
export interface Told {
  /** Of what has the same key the latest change stands for those before. */
  key: string;
  /** Its position. */
  changed: number;
  event: ChangeEvent['event'];
  /** Null: in none; everybody may hear of it. */
  projectId: number | null;
  workflow: string | null;
  /** Of a run; else null. */
  state: RunState | null;
  /** As JSON, for somebody who may read these projects; null: all. Made when first wanted. */
  text: (visible: number[] | null) => string;
}

interface Sources {
  store: Pick<ApiStore, 'projectsOfRuns'>;
  tallies: RunTallies;
  clock: () => number;
}

/** In the order of their changes. */
export async function toldOf(changes: Changes, sources: Sources): Promise<Told[]> {
  const told = [
    ...(await runsTold(changes.runs, sources)),
    ...changes.ticks.map((row) =>
      toldOnce({
        ...{ key: `tick ${row.scheduleId} ${row.nominalAt}`, changed: row.changed, event: 'tick', ...placeOf(row) },
        view: () => ({ project: row.project, workflow: row.workflow, ...tickView(row) }),
      }),
    ),
    ...changes.schedules.map((row) =>
      toldOnce({
        ...{ key: `schedule ${row.id}`, changed: row.changed, event: 'schedule', ...placeOf(row) },
        view: () => scheduleView(row),
      }),
    ),
    ...changes.deletedSchedules.map((row) => deletedTold('schedule', row)),
    ...changes.deadlines.map((row) =>
      toldOnce({
        ...{ key: `deadline ${row.id}`, changed: row.changed, event: 'deadline', ...placeOf(row) },
        view: () => deadlineView(row),
      }),
    ),
    ...changes.deletedDeadlines.map((row) => deletedTold('deadline', row)),
    ...changes.calendars.map((row) =>
      toldOnce({
        ...{ key: `calendar ${row.name}`, changed: row.changed, event: 'calendar', ...NOWHERE },
        view: () => calendarSummary(row),
      }),
    ),
    ...changes.deletedCalendars.map(({ name, changed }) =>
      toldOnce({ key: `calendar ${name}`, changed, event: 'calendar-deleted', ...NOWHERE, view: () => ({ name }) }),
    ),
    ...changes.backfills.map((row) =>
      toldOnce({
        ...{ key: `backfill ${row.id}`, changed: row.changed, event: 'backfill', ...placeOf(row) },
        view: () => backfillSummary(row),
      }),
    ),
    ...(changes.maintenance === null ? [] : [maintenanceTold(changes.maintenance)]),
  ];
  return told.toSorted((one, other) => one.changed - other.changed);
}

function placeOf({ projectId, workflow }: { projectId: number; workflow: string }): {
  projectId: number;
  workflow: string;
} {
  return { projectId, workflow };
}

/** Of no project: for everybody who is signed in. */
const NOWHERE = { projectId: null, workflow: null };

function deletedTold(kind: 'schedule' | 'deadline', row: Changed<DeletedPart>): Told {
  const { id, changed, project, workflow, name } = row;
  return toldOnce({
    ...{ key: `${kind} ${id}`, changed, event: `${kind}-deleted`, ...placeOf(row) },
    view: () => ({ project, workflow, name }),
  });
}

function maintenanceTold(row: NonNullable<Changes['maintenance']>): Told {
  return toldOnce({
    ...{ key: 'maintenance', changed: row.changed, event: 'maintenance', ...NOWHERE },
    view: () => maintenanceView(row),
  });
}

/** What looks the same to everybody who may see it. */
function toldOnce({ view, ...about }: Omit<Told, 'state' | 'text'> & { view: () => object }): Told {
  let text: string | null = null;
  return { ...about, state: null, text: () => (text ??= JSON.stringify(view())) };
}

async function runsTold(rows: Changed<RunRow>[], { store, tallies, clock }: Sources): Promise<Told[]> {
  if (rows.length === 0) return [];
  const parents = [...new Set(rows.flatMap(({ spec }) => spec.parent?.run ?? []))];
  const projects = parents.length === 0 ? new Map<number, number>() : await store.projectsOfRuns(parents);
  const counted = await tallies.countedAll(rows);
  return rows.map((row, index) => {
    const { parent } = row.spec;
    const parentProject = parent === null ? null : (projects.get(parent.run) ?? null);
    return runTold(row, { parentProject, tally: counted[index]!, clock });
  });
}

/** Whoever may not read the project of the run that started it does not see which that is. */
function runTold(
  row: Changed<RunRow>,
  { parentProject, tally, clock }: { parentProject: number | null; tally: RunTally; clock: () => number },
): Told {
  const { id, projectId, workflow } = row.spec;
  let [whole, withoutParent] = [null as string | null, null as string | null];
  const textOf = (shown: RunRow): string => JSON.stringify(runView(shown, tally, clock()));
  return {
    ...{ key: `run ${id}`, changed: row.changed, event: 'run', projectId, workflow, state: row.status.state },
    text: (visible) =>
      visible === null || parentProject === null || visible.includes(parentProject)
        ? (whole ??= textOf(row))
        : (withoutParent ??= textOf({ ...row, spec: { ...row.spec, parent: null } })),
  };
}
