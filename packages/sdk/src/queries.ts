/** What methods of the client can be asked, where the API has no type for it. */
import type {
  AlertView,
  BackfillDateStateName,
  BackfillStateName,
  DefinitionFormat,
  EventsAbout,
  RunSelection,
  RunState,
  TickOutcomeName,
  TickReasonName,
  WorkflowBundle,
} from '@pelorus/protocol/vocabulary';

/** A definition as text, or with the files that it refers to. */
export type DefinitionInput = { source: string; format: DefinitionFormat } | WorkflowBundle;

/** A zip; or a text with any number of definitions: documents of YAML, an array in JSON. */
export type ImportInput =
  | { format: 'zip'; bytes: Uint8Array<ArrayBuffer> }
  | { format: DefinitionFormat; source: string };

export interface RunListQuery extends RunSelection, PageQuery {}

export interface RunStatsQuery {
  project?: string;
  /** A name, or a pattern with `*` and `?`. */
  workflow?: string;
  /** RFC 3339; absent: a day before the end, and now. */
  after?: string;
  before?: string;
  /** Absent: an hour. At most 500 of them. */
  bucketMs?: number;
  /** Also counts tasks. */
  tasks?: boolean;
}

export interface WorkflowListQuery extends PageQuery {
  project?: string;
  /** Part of the name. */
  q?: string;
  /** `name`, or `name=value`. */
  label?: string;
  /** So many of each workflow's last runs come with it, at most 50. */
  lastRuns?: number;
}

export interface BackfillListQuery extends PageQuery {
  project?: string;
  /** With its project. */
  workflow?: string;
  state?: BackfillStateName;
}

/** Which dates of a backfill. */
export interface BackfillDatesQuery extends PageQuery {
  state?: BackfillDateStateName;
}

export interface ScheduleListQuery extends PageQuery {
  project?: string;
  workflow?: string;
  /** Part of the name of the schedule or of its workflow. */
  q?: string;
  online?: boolean;
  /** Those that name this calendar. */
  calendar?: string;
}

export interface DeadlineListQuery extends PageQuery {
  project?: string;
  /** Exact name. */
  workflow?: string;
  enabled?: boolean;
}

/** What `GET /events` tells of; absent: all runs. */
export interface EventsQuery {
  about?: EventsAbout[];
  project?: string;
  /** May end in `*`. */
  workflow?: string;
  /** Of runs. */
  state?: RunState[];
}

export interface TickQuery extends PageQuery {
  outcome?: TickOutcomeName;
  reason?: TickReasonName;
  /** Inclusive bounds of nominal instants, RFC 3339. */
  after?: string;
  before?: string;
}

export interface ScheduleChange {
  /** It must have this revision; otherwise it is refused (412). */
  ifRevision?: number;
  /** Only when there is none of that name yet. */
  mustBeNew?: boolean;
  signal?: AbortSignal;
}

/** What a save must find stored; otherwise it is refused (412). */
export interface Expected {
  /** The tag of a version, as an earlier answer gave it in its header `ETag`. */
  ifMatch?: string;
  /** Only when there is no such workflow yet. */
  mustBeNew?: boolean;
}

export interface LogQuery {
  /** First line, from 0. */
  from?: number;
  /** At most 1000. */
  size?: number;
  /** Lines that contain it; `re:` before a regular expression. */
  query?: string;
}

export interface AttemptLogQuery extends LogQuery {
  /** The last so many lines, at most 1000, and no other selection but `offset`: then the last ones before it. */
  tail?: number;
  /** Lines from the first on that begins at this byte of the log or behind it. */
  offset?: number;
}

/** Where to begin: with the last lines, at a byte, or absent: at the beginning. */
export interface FollowQuery {
  tail?: number;
  offset?: number;
  /** Only lines that contain it; `re:` before a regular expression. */
  query?: string;
}

export interface PageQuery {
  limit?: number;
  cursor?: string;
}

/** For requests that make something. */
export interface CreateOptions {
  signal?: AbortSignal;
  /** The same key within 24 h makes nothing new and gives the same answer; with another request it is refused (409). */
  idempotencyKey?: string;
}

/** For commands about runs. */
export interface CommandOptions {
  signal?: AbortSignal;
  /** How long the server may wait for what becomes of the command, at most 30,000; absent: not at all. */
  waitMs?: number;
}

export interface AlertQuery extends PageQuery {
  run?: number;
  state?: AlertView['state'];
}

/** For a change that is to happen only when the file is as it was seen: the SHA-256 of its content. */
export interface FileChange {
  ifMatch?: string;
  signal?: AbortSignal;
}
