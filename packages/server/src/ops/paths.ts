/** What both ends of an operations port agree on. */
export const OPS_PATHS = {
  live: '/livez',
  ready: '/readyz',
  metrics: '/metrics',
  /** `?id=<execId>`. */
  liveRun: '/workflow/execute',
  testConnection: '/connections/test',
} as const;

export const OPS_LIMITS = {
  connections: 256,
  headerBytes: 8 * 1024,
  bodyBytes: 16 * 1024,
  headersMs: 5_000,
  requestMs: 10_000,
  keepAliveMs: 5_000,
  /** Neither side has sent anything for this long; above what testing a connection takes. */
  silenceMs: 20_000,
  readinessMs: 2_000,
  closeMs: 1_000,
  /** Of a live run as text: a run with the most tasks and long outputs stays below. */
  answerBytes: 256 * 1024 * 1024,
  /** Testing a connection takes up to ten seconds on the worker. */
  connectionTestMs: 12_000,
} as const;
