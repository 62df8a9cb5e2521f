/**
 * A run as it happens: one event stream per run that is looked at, whoever looks. Owns what was heard; changes are told once per painted frame, however many came, so that a thousand
 * live tasks cost one rendering. Components take only what they show: one task, the run, or the whole list.
 */
import type { RunView, TaskView } from '@pelorus/protocol';
export interface RunPicture {
    run: RunView | null;
    /** In the order of the definition; a task that did not change is the same object as before. */
    tasks: readonly TaskView[];
    /** `live`: whatever happens is told; `ended`: nothing more will. */
    connection: 'connecting' | 'live' | 'interrupted' | 'ended';
    /** Why there is nothing to be seen. */
    error: Error | null;
}
/** The run as it is now, live. */
export declare function useRunLive(id: number): RunPicture;
/** One of its tasks; renders again only when that task changes. */
export declare function useTaskLive(id: number, index: number): TaskView | null;
/** Calls back for each run that is submitted or changes, while mounted; lists use it to ask again. At most one call in `everyMs`. */
export declare function useRunsFeed(query: {
    project?: string;
    workflow?: string;
}, onChange: (runs: ReadonlyMap<number, RunView>) => void, everyMs?: number): void;
