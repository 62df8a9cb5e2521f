/** Traces of real runs: master, store and a scripted worker, and a collector that speaks OTLP over HTTP. */
import { attemptSpanIdOf, runSpanIdOf, traceIdOf, traceparentOf } from '@pelorus/protocol';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startTraces, wantsTraces, type Traces } from '../../src/ops/index.ts';
import { type Cluster, startCluster } from '../master/cluster.ts';
import { taskDefinition } from '../store/records.ts';
import { WAIT } from '../wait.ts';

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
  events: { name: string }[];
  status: { code?: number; message?: string };
}

interface OtlpRequest {
  resourceSpans: {
    resource: { attributes: OtlpSpan['attributes'] };
    scopeSpans: { scope: { name: string }; spans: OtlpSpan[] }[];
  }[];
}

interface Collector {
  url: string;
  requests: OtlpRequest[];
  readonly spans: OtlpSpan[];
  close(): Promise<void>;
}

async function startCollector(status = 200): Promise<Collector> {
  const requests: OtlpRequest[] = [];
  const server: Server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      requests.push(JSON.parse(text) as OtlpRequest);
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
    requests,
    get spans() {
      return requests.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      );
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function attributesOf(span: OtlpSpan): Record<string, unknown> {
  return Object.fromEntries(span.attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));
}

const silent = { warn: () => undefined };

describe('a run as a trace', () => {
  let collector: Collector;
  let traces: Traces;
  let cluster: Cluster;
  let failuresLeft = 0;

  beforeEach(async () => {
    collector = await startCollector();
    traces = await startTraces({ version: '1.2.3', url: collector.url, log: silent });
    cluster = await startCluster(
      ({ task }) => (task === 'wait' ? 'go on' : task === 'b' && failuresLeft-- > 0 ? 'fail' : 'succeed'),
      { observers: [traces.observer] },
    );
  });
  afterEach(async () => {
    await cluster.close();
    await traces.stop();
    await collector.close();
  });

  /** Ends the traces when so many spans have been shown to them: what is stored may be read before the master shows it. */
  async function stopAfter(spans: number): Promise<void> {
    await vi.waitFor(() => expect(traces.figures().waiting + collector.spans.length).toBe(spans), WAIT);
    await traces.stop();
    await vi.waitFor(() => expect(traces.figures().sent).toBe(spans), WAIT);
  }

  it('of three tasks and one retry is a tree of five spans', async () => {
    failuresLeft = 1;
    await cluster.save('etl', [
      taskDefinition('a'),
      taskDefinition('b', { needs: ['a'], retry: { ...taskDefinition('b').retry, max: 1, intervalMs: 1 } }),
      taskDefinition('c', { needs: ['b'] }),
    ]);
    const id = await cluster.submit('etl');
    expect(await cluster.endOf(id)).toBe('succeeded');
    await stopAfter(5);

    const { spec, attempts } = await cluster.detail(id);
    const traceId = traceIdOf(spec);
    const root = collector.spans.find(({ parentSpanId }) => !parentSpanId)!;
    expect(new Set(collector.spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    expect(root).toMatchObject({ spanId: runSpanIdOf(spec), name: 'run etl', status: {} });
    expect(attributesOf(root)).toMatchObject({
      'pelorus.run.id': id,
      'pelorus.workflow': 'etl',
      'pelorus.project': 'sales',
      'pelorus.state': 'succeeded',
    });
    const below = collector.spans.filter(({ parentSpanId }) => parentSpanId === root.spanId);
    expect(
      below.map((span) => [span.name, attributesOf(span)['pelorus.attempt.n'], span.status.code ?? 0, span.spanId]),
    ).toEqual([
      ['task a', 1, 0, attemptSpanIdOf(spec, { task: 0, n: 1 })],
      ['task b', 1, 2, attemptSpanIdOf(spec, { task: 1, n: 1 })],
      ['task b', 2, 0, attemptSpanIdOf(spec, { task: 1, n: 2 })],
      ['task c', 1, 0, attemptSpanIdOf(spec, { task: 2, n: 1 })],
    ]);
    expect(collector.spans).toHaveLength(5);
    expect(attributesOf(below[1]!)).toMatchObject({
      'pelorus.state': 'failed',
      'pelorus.cause': 'exit',
      'process.exit.code': 1,
      'pelorus.attempt.id': `${id}.1.1`,
      'pelorus.task.type': 'shell',
    });
    expect(below.map(({ events }) => events.map(({ name }) => name))).toEqual([
      ['started'],
      ['started'],
      ['started'],
      ['started'],
    ]);
    expect(below.map((span) => Number(span.endTimeUnixNano) / 1e6)).toEqual(
      attempts.map(({ endedAt }) => expect.closeTo(endedAt!, 0) as number),
    );
    for (const span of collector.spans)
      expect(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano)).toBe(true);
    // What a task traces itself hangs below its attempt.
    expect(cluster.worker.begun.map(({ env }) => env['TRACEPARENT'])).toEqual(
      attempts.map((attempt) => traceparentOf(spec, attempt)),
    );
    const [request] = collector.requests;
    const resource = request!.resourceSpans[0]!.resource.attributes;
    expect(attributesOf({ attributes: resource } as OtlpSpan)).toMatchObject({
      'service.name': 'pelorus-master',
      'service.version': '1.2.3',
    });
    expect(traces.figures()).toEqual({ sent: 5, failed: 0, dropped: 0, waiting: 0 });
  });

  it('goes on under another master as the same trace', async () => {
    await cluster.save('long', [taskDefinition('a'), taskDefinition('wait', { needs: ['a'] })]);
    const id = await cluster.submit('long');
    await cluster.begun('wait');
    await cluster.crash();
    cluster.worker.finish('wait');
    expect(await cluster.endOf(id)).toBe('succeeded');
    await vi.waitFor(() => expect(collector.spans).toHaveLength(3), WAIT);
    const { spec } = await cluster.detail(id);
    expect(collector.spans.map(({ traceId, spanId, parentSpanId }) => [traceId, spanId, parentSpanId])).toEqual([
      [traceIdOf(spec), attemptSpanIdOf(spec, { task: 0, n: 1 }), runSpanIdOf(spec)],
      [traceIdOf(spec), attemptSpanIdOf(spec, { task: 1, n: 1 }), runSpanIdOf(spec)],
      [traceIdOf(spec), runSpanIdOf(spec), undefined],
    ]);
  });

  it('names the run above it when it is the child of one', async () => {
    const call = taskDefinition('call', {
      action: { type: 'sub_workflow', workflow: 'inner', params: {}, version: 'latest' },
    });
    await cluster.save('inner', [taskDefinition('a')]);
    await cluster.save('outer', [call]);
    const id = await cluster.submit('outer');
    expect(await cluster.endOf(id)).toBe('succeeded');
    await stopAfter(4);
    const child = collector.spans.find(({ name }) => name === 'run inner')!;
    expect(attributesOf(child)).toMatchObject({
      'pelorus.parent.run.id': id,
      'pelorus.parent.attempt.id': `${id}.0.1`,
    });
  });

  it('says that a run failed, and why', async () => {
    failuresLeft = 1;
    await cluster.save('bad', [taskDefinition('b')]);
    const id = await cluster.submit('bad');
    expect(await cluster.endOf(id)).toBe('failed');
    await stopAfter(2);
    expect(collector.spans.map(({ name, status }) => [name, status.code])).toEqual([
      ['task b', 2],
      ['run bad', 2],
    ]);
  });
});

describe('a collector that is away', () => {
  it('costs spans, which are counted, and never the runs', async () => {
    const warnings: object[] = [];
    const traces = await startTraces({
      version: '1',
      url: 'http://127.0.0.1:9/v1/traces',
      queueMax: 3,
      log: { warn: (fields) => void warnings.push(fields) },
    });
    const cluster = await startCluster(undefined, { observers: [traces.observer] });
    await cluster.save(
      'wide',
      Array.from({ length: 20 }, (_, index) => taskDefinition(`t${index}`)),
    );
    const id = await cluster.submit('wide');
    expect(await cluster.endOf(id)).toBe('succeeded');
    await vi.waitFor(() => {
      const { failed, dropped, waiting } = traces.figures();
      expect(failed + dropped + waiting).toBe(21);
      expect(dropped).toBeGreaterThan(0);
    }, WAIT);
    await cluster.close();
    await traces.stop();
    expect(traces.figures().sent).toBe(0);
  });

  it('that refuses everything is complained about once, not with every batch', async () => {
    const collector = await startCollector(400);
    const warnings: string[] = [];
    const traces = await startTraces({
      version: '1',
      url: collector.url,
      log: { warn: (_fields, event) => void warnings.push(event) },
    });
    const cluster = await startCluster(undefined, { observers: [traces.observer] });
    await cluster.save('one', [taskDefinition('a')]);
    for (let round = 0; round < 2; round++) {
      const id = await cluster.submit('one');
      await cluster.endOf(id);
      await vi.waitFor(() => expect(traces.figures().failed).toBe(2 * (round + 1)), WAIT);
    }
    expect(warnings).toEqual(['spans could not be sent to the collector']);
    await cluster.close();
    await traces.stop();
    await collector.close();
  });
});

describe('whether traces are wanted', () => {
  it.each([
    [{}, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
  ])('with %j: %j', (env, wanted) => {
    expect(wantsTraces(env)).toBe(wanted);
  });
});
