/** The API's own limits; those of the product at large are `LIMITS` of the protocol. */
const KIB = 1024;
const MIB = 1024 * KIB;

export const API_LIMITS = {
  /** A body that is parsed on the event loop, when the route does not read definitions. */
  parametersBodyBytes: 2 * MIB,
  /** Bodies larger than that, of all requests that are being answered. */
  bodiesInFlightBytes: 256 * MIB,
  /** Objects and arrays within one another, in anything that is not a definition. */
  valueDepth: 64,
  /** Problems listed in one answer. */
  problemsShown: 100,
  /** Names that a misspelt one is compared with. */
  namesCompared: 2000,
  /** Definitions above this are parsed in another thread. */
  parseInlineBytes: 48 * KIB,
  parseThreads: 2,
  /** Definitions waiting for a parsing thread. */
  parseQueueLength: 32,
  parseTimeoutMs: 30_000,
  /** Items of a long answer turned into text before other requests get a turn. */
  itemsPerSlice: 250,
  /** The same by time: each turn that an answer gives to others may cost it as much again. */
  sliceMs: 4,
  runPageDefault: 50,
  historyDefaultMs: 7 * 86_400_000,
  /** Runs by time: spans of one answer, how short one may be, how long all of them, and task runs that are counted for it. */
  statsBuckets: 500,
  statsBucketMinMs: 1000,
  statsRangeMs: 366 * 86_400_000,
  statsTasks: 50_000,
  /** Runs of one history of a workflow, and their tasks together. */
  historyRuns: 100,
  historyTasks: 30_000,
  liveQueryMs: 1000,
  /** Definitions kept parsed, by number of tasks in all of them. */
  cachedDefinitionTasks: 200_000,
  cachedEndedRuns: 10_000,
  cachedLiveRuns: 10_000,
  /** Task runs of runs in progress that are kept between looks, and for how long. */
  cachedLiveTasks: 100_000,
  tasksReadMs: 1000,
  countQueriesAtOnce: 64,
  /** Tasks whose runs are read for the progress in one list. */
  measuredTasksPerList: 20_000,
  /** Past durations: of how many runs the median is taken, and how long and for how many tasks it is kept. */
  durationRuns: 20,
  durationsMs: 60_000,
  cachedDurationTasks: 200_000,
  /** How long a request may wait for what becomes of a command, and how often that is looked up. */
  commandWaitMaxMs: 30_000,
  commandPollMinMs: 5,
  commandPollMaxMs: 200,
  taskGroupSizeMax: 1_000_000,
  /** Logical dates of one backfill, those that a list names, and dates of it at a time. */
  backfillDates: 100_000,
  backfillDatesNamed: 10_000,
  backfillParallelism: 1000,
  backfillDatesShown: 1000,
  backfillLookMs: 1000,
  /** Workflows that follow the one that a backfill is of, and how many of all are looked through for them, at a time. */
  backfillDependents: 100,
  upstreamsPage: 200,
  /** Instants of one preview, how many a schedule is shown with, and how long reckoning them may take. */
  previewFires: 1000,
  scheduleFires: 5,
  previewMs: 2000,
  scheduleUpstreams: 100,
  ticksPage: 100,
  /** How far rules without an end of imported calendars are read. */
  calendarYearsAhead: 20,
  /** Runs of one bulk operation, and how many of them are seen to at a time. */
  bulkItems: 10_000,
  bulkAtOnce: 16,
  bulkLeaseMs: 30_000,
  bulkPollMs: 5_000,
  workerAttemptsShown: 1000,
  mastersShown: 100,
  queuedTasksCounted: 10_000,
  environmentVariables: 1000,
  environmentBytes: 256 * KIB,
  lastRuns: 50,
  childRunsShown: 100_000,
  /** Other workflows that a submission is followed into, to see whether its sender may start their runs. */
  workflowsReached: 1000,
  /** One secret's value, in bytes and at least in characters: a shorter one cannot be masked without hiding half of every log. */
  secretBytes: 32 * KIB,
  secretCharactersMin: 4,
  secretsPerProject: 1000,
  connectionsPerProject: 1000,
  projectFileBytes: 16 * MIB,
  filesPerProject: 10_000,
  filesBytesPerProject: 1024 * MIB,
  connectionTestMs: 10_000,
  /** How old the list of what is masked may be, and of how many projects it is kept. */
  maskAgeMs: 1000,
  cachedMasks: 200,
  filesPerWorkflow: 1000,
  filesBytesPerWorkflow: 32 * MIB,
  zipEntries: 1000,
  zipTotalBytes: 64 * MIB,
  /** Inflated to deflated size of one entry, looked at above `zipRatioFromBytes`. */
  zipRatio: 200,
  zipRatioFromBytes: 1 * MIB,
  /** One import, and so one export: workflows, their tasks, files of the zip, and what its list of them may have. */
  importWorkflows: 2000,
  importTasks: 200_000,
  importEntries: 5000,
  importListBytes: 8 * MIB,
  /** A text with several definitions. */
  importTextBytes: 16 * MIB,
  importProblems: 1000,
  unusedFilesShown: 100,
  /** Imports, and exports, that are under way at once; an export whose client takes nothing ends after so long. */
  importsAtOnce: 2,
  exportsAtOnce: 8,
  exportMs: 120_000,
  /** Less than a zip may inflate to, for files in it are not compressed where an import would take that for an attack. */
  exportBytes: 48 * MIB,
  exportPieceBytes: 64 * KIB,
  /** One entry of the index of lines. */
  logReadChunkBytes: 256 * KIB,
  /** How far lines are looked for around a place in a log that is not known by its lines. */
  logScanBytes: 8 * MIB,
  /** Beyond the known lines so much is counted for a total that nobody needs. */
  logCountBytes: 4 * MIB,
  /** Searches under way, one more is refused; threads for them; CPU time of one, and how long it may take whatever it waits for. */
  logSearchesAtOnce: 18,
  logSearchThreads: 3,
  logSearchWorkMs: 60_000,
  logSearchMs: 60_000,
  logSearchRetryAfterSeconds: 5,
  /** Of an expression: what it may need at worst for each character. Only repetitions with large counts come to more. */
  logExpressionSteps: 1500,
  /** Text that one thread searches at a time. */
  logSearchPieceBytes: 512 * KIB,
  /** Lines of one event of a log that is followed, and the bytes they are cut from. */
  logEventLines: 1000,
  logEventBytes: 128 * KIB,
  /** After the end of its attempt a log that goes on arriving is waited for this long; when the worker was lost, that long. */
  logLateMs: 60_000,
  logLostMs: 5_000,
  logQueryLength: 1000,
  logIndexEntries: 256,
  /** Sessions end when nobody has used them for the first, and in any case after the second. */
  sessionIdleMs: 12 * 3_600_000,
  sessionMaxMs: 7 * 86_400_000,
  /** How exactly it is known when a session or a token was used last. */
  sessionTouchMs: 60_000,
  tokenTouchMs: 300_000,
  sessionsPerUser: 50,
  tokensPerUser: 100,
  projectsPerToken: 100,
  membersPerProject: 1000,
  userPageDefault: 100,
  auditPageDefault: 100,
  signInLinkMs: 15 * 60_000,
  /** Hashes of passwords computed at once, about 20 MiB each, and those waiting. */
  passwordsAtOnce: 2,
  passwordQueue: 32,
  passwordMin: 12,
  passwordMax: 1024,
  /** Wrong passwords in a row for one account and from one address, and how fast that is forgotten: one in so many ms. */
  accountTries: 10,
  accountTryMs: 90_000,
  addressTries: 50,
  addressTryMs: 18_000,
  requestTimeoutMs: 120_000,
  /** Event streams open at once. */
  streamsPerProcess: 5000,
  streamsPerUser: 2000,
  /** Bytes given to a socket at once; what waits for one client is this and the socket's own buffer. */
  streamPieceBytes: 256 * KIB,
  /** A stream on which nothing happens says so this often. */
  streamHeartbeatMs: 15_000,
  /** How often the right to read is checked again, and how long it holds when that cannot be done. */
  streamRecheckMs: 5000,
  streamUncheckedMs: 60_000,
  /** A client that takes nothing for so long is dropped. */
  streamStallMs: 30_000,
  /** Pieces in which a large run is told. */
  eventPieceBytes: 64 * KIB,
  /** Serialised pieces of a run as it is now that are kept for its other clients. */
  eventCacheBytes: 1 * MIB,
  /** Tasks of all runs that are followed; one too many is a 429. */
  followedTasks: 1_000_000,
  /** A run that nobody follows any more is let go after so long. */
  followIdleMs: 10_000,
  /** How often a followed run is looked at when nobody says that it has changed. */
  followPollMinMs: 250,
  followPollMaxMs: 1000,
  /** Between two looks at least; and more where a look or its clients cost more. */
  followGapMs: 40,
  /** How often its progress is looked at while none of its tasks changes. */
  followProgressMs: 2000,
  followGapPerClientMs: 0.25,
  followGapPerCost: 8,
  /** The stream of all that changes: how often it looks, how many changes at once, and how many are kept for those who come back. */
  changesPollMs: 1000,
  changesGapMs: 200,
  changesPerLook: 250,
  recentChanges: 2000,
  /** Answers of that stream kept for clients that are as far as each other. */
  changesFramesKept: 16,
  /** A client of it is told how far it is when nothing for it happened. */
  changesPositionMs: 10_000,
  /** A client waits so long before it comes back. */
  streamRetryMs: 2000,
  streamRetryAfterSeconds: 10,
  /** A client is given so long to take the end of its stream. */
  streamEndMs: 500,
  pathParameterLength: 1000,
  multipartFields: 64,
  retryAfterSeconds: 1,
} as const;
