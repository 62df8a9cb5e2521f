/**
 * Runs as traces over OTLP/HTTP (JSON): a run is a trace, each attempt a span below the run's. Spans are made of what a master has
 * committed, when the attempt or run has ended, so that nothing is told that is not durable.
 *
 * Owns: what it must remember of each run in the master's memory, and the queue to the collector.
 * Invariants
 * 1. The master never waits for it: what does not fit the queue is dropped and counted.
 * 2. Ids follow from stored facts, so the spans of a run that several masters drove make one trace.
 */
import {
  type HrTime,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type SpanContext,
  type Attributes,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
  type Resource,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { AttemptRecord, Change, RunSpec, RunStatus } from '@pelorus/engine';
import {
  ATTEMPT_RANK,
  attemptSpanIdOf,
  type Cause,
  formatAttemptId,
  isTerminalRun,
  type RunId,
  runSpanIdOf,
  traceIdOf,
} from '@pelorus/protocol';
import type { MasterObserver } from '../master/index.ts';

export interface TracesOptions {
  /** Version of the product. */
  version: string;
  /** Where `/v1/traces` is posted to. Absent: as the standard `OTEL_…` variables say, which also give headers and time limits. */
  url?: string;
  log: { warn(fields: object, event: string): void };
  /** Spans that wait for the collector; more are dropped. Default 16,384. */
  queueMax?: number;
}

export interface Traces {
  /** For `MasterOptions.observers`. */
  readonly observer: MasterObserver;
  figures(): TraceFigures;
  /** Sends what waits, for 3 s at most. */
  stop(): Promise<void>;
}

export interface TraceFigures {
  /** Handed to the collector. */
  sent: number;
  /** Refused by the collector, or not delivered. */
  failed: number;
  /** The queue was full. */
  dropped: number;
  waiting: number;
}

const QUEUE_MAX = 16_384;
/** Turned into text at once, on the master's thread. */
const BATCH_MAX = 256;
const DELAY_MS = 1_000;
const EXPORT_MS = 10_000;
const STOP_MS = 3_000;
/** A collector that is away is named this often. */
const COMPLAIN_MS = 60_000;
const DETAIL_MAX = 1_000;
const SCOPE = 'pelorus';
/** The SDK's code for spans that the collector has. */
const TAKEN = 0;

/** Takes what the master shows from now on; see `start-traces.ts`. */
export function openTraces(options: TracesOptions): Traces {
  const queue = spanQueue(options);
  const make = spanMaker(options.version);
  const runs = new Map<RunId, KnownRun>();

  function ended(change: Change): ReadableSpan | null {
    if (change.kind === 'attempt') {
      const run = runs.get(change.record.run);
      return run && ATTEMPT_RANK[change.record.state] >= ATTEMPT_RANK.succeeded
        ? make.attempt(run, change.record)
        : null;
    }
    if (change.kind !== 'run' || !isTerminalRun(change.status.state)) return null;
    const run = runs.get(change.status.run);
    return run ? make.run(run, change.status) : null;
  }

  return {
    observer: {
      runOpened: ({ spec }, { definition }) => {
        runs.set(spec.id, { spec, taskNames: definition.tasks });
      },
      committed: ({ changes }) => {
        for (const change of changes) {
          const span = ended(change);
          if (span !== null) queue.add(span);
        }
        for (const change of changes)
          if (change.kind === 'run' && isTerminalRun(change.status.state)) runs.delete(change.status.run);
      },
      recovering: () => runs.clear(),
    },
    figures: () => queue.figures(),
    stop: () => queue.stop(),
  };
}

interface KnownRun {
  spec: RunSpec;
  taskNames: readonly { name: string; action: { type: string } }[];
}

// ---- spans

function spanMaker(version: string): {
  run(run: KnownRun, status: RunStatus): ReadableSpan;
  attempt(run: KnownRun, record: AttemptRecord): ReadableSpan;
} {
  const resource: Resource = resourceFromAttributes({
    'service.name': 'pelorus-master',
    'service.version': version,
  }).merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }));
  const always = {
    kind: SpanKind.INTERNAL,
    links: [],
    ended: true,
    resource,
    instrumentationScope: { name: SCOPE, version },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
  return {
    run: ({ spec }, status) => ({
      ...always,
      ...between(status.startedAt ?? spec.submittedAt, status.endedAt ?? spec.submittedAt),
      name: `run ${spec.workflow}`,
      spanContext: () => runContext(spec),
      status: statusOf(status.state === 'failed' || status.state === 'dependency_failed', status.cause),
      attributes: { ...runAttributes(spec), 'pelorus.state': status.state, ...causeAttributes(status.cause) },
      events: [],
    }),
    attempt: ({ spec, taskNames }, record) => ({
      ...always,
      ...between(record.dispatchedAt, record.endedAt ?? record.dispatchedAt),
      name: `task ${taskNames[record.task]?.name ?? record.task}`,
      spanContext: () => contextOf(traceIdOf(spec), attemptSpanIdOf(spec, record)),
      parentSpanContext: runContext(spec),
      status: statusOf(record.state === 'failed' || record.state === 'lost', record.cause),
      attributes: { ...attemptAttributes({ spec, taskNames }, record), ...causeAttributes(record.cause) },
      events:
        record.startedAt === null
          ? []
          : [{ name: 'started', time: hrTime(record.startedAt), droppedAttributesCount: 0 }],
    }),
  };
}

function runAttributes(spec: RunSpec): Attributes {
  return {
    'pelorus.run.id': spec.id,
    'pelorus.project': spec.project,
    'pelorus.workflow': spec.workflow,
    'pelorus.workflow.version': spec.workflowVersion,
    'pelorus.exec_type': spec.execType,
    'pelorus.logical_date': new Date(spec.logicalDateAt).toISOString(),
    ...(spec.rerunOf === null ? {} : { 'pelorus.rerun_of': spec.rerunOf }),
    ...(spec.parent === null
      ? {}
      : { 'pelorus.parent.run.id': spec.parent.run, 'pelorus.parent.attempt.id': parentAttempt(spec.parent) }),
  };
}

function parentAttempt({ run, task, attempt }: NonNullable<RunSpec['parent']>): string {
  return formatAttemptId({ run, task, n: attempt });
}

function attemptAttributes({ spec, taskNames }: KnownRun, record: AttemptRecord): Attributes {
  const task = taskNames[record.task];
  return {
    'pelorus.run.id': spec.id,
    'pelorus.attempt.id': formatAttemptId(record),
    'pelorus.attempt.n': record.n,
    'pelorus.worker.id': record.worker,
    'pelorus.state': record.state,
    ...(task && { 'pelorus.task': task.name, 'pelorus.task.type': task.action.type }),
  };
}

function causeAttributes(cause: Cause | null): Attributes {
  if (cause === null) return {};
  return { 'pelorus.cause': cause.kind, ...(cause.kind === 'exit' ? { 'process.exit.code': cause.code } : {}) };
}

function statusOf(isError: boolean, cause: Cause | null): ReadableSpan['status'] {
  if (!isError) return { code: SpanStatusCode.UNSET };
  return { code: SpanStatusCode.ERROR, message: cause === null ? 'failed' : sentenceOf(cause) };
}

/** Details may hold much text; secrets were masked where they came from. */
function sentenceOf(cause: Cause): string {
  return 'detail' in cause ? `${cause.kind}: ${cause.detail.slice(0, DETAIL_MAX)}` : cause.kind;
}

function runContext(spec: RunSpec): SpanContext {
  return contextOf(traceIdOf(spec), runSpanIdOf(spec));
}

function contextOf(traceId: string, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

/** Clocks of several hosts meet here: no span ends before it starts. */
function between(startedAt: number, endedAt: number): Pick<ReadableSpan, 'startTime' | 'endTime' | 'duration'> {
  const end = Math.max(startedAt, endedAt);
  return { startTime: hrTime(startedAt), endTime: hrTime(end), duration: hrTime(end - startedAt) };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1e6)];
}

// ---- the queue

interface SpanQueue {
  add(span: ReadableSpan): void;
  figures(): TraceFigures;
  stop(): Promise<void>;
}

function spanQueue({ url, log, queueMax = QUEUE_MAX }: TracesOptions): SpanQueue {
  const figures = { sent: 0, failed: 0, dropped: 0, waiting: 0 };
  let complainedAt = -Infinity;
  const otlp = new OTLPTraceExporter(url === undefined ? {} : { url });
  const counting: SpanExporter = {
    export: (spans, done) =>
      otlp.export(spans, (result) => {
        figures.waiting -= spans.length;
        const code: number = result.code;
        if (code === TAKEN) figures.sent += spans.length;
        else complain(spans.length, result.error);
        done(result);
      }),
    shutdown: () => otlp.shutdown(),
  };
  function complain(spans: number, err: Error | undefined): void {
    figures.failed += spans;
    if (performance.now() - complainedAt < COMPLAIN_MS) return;
    complainedAt = performance.now();
    log.warn({ err, spans, dropped: figures.dropped }, 'spans could not be sent to the collector');
  }
  const processor = new BatchSpanProcessor({
    exporter: counting,
    maxQueueSize: queueMax,
    maxExportBatchSize: Math.min(BATCH_MAX, queueMax),
    scheduledDelayMillis: DELAY_MS,
    exportTimeoutMillis: EXPORT_MS,
  });
  return {
    add: (span) => {
      if (figures.waiting >= queueMax) {
        figures.dropped += 1;
        return;
      }
      figures.waiting += 1;
      processor.onEnd(span);
    },
    figures: () => ({ ...figures }),
    stop: async () => {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, STOP_MS);
      await Promise.race([processor.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}
