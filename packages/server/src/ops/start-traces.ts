import type { Traces, TracesOptions } from './traces.ts';

/** Whether the environment asks for traces, by the names of the OpenTelemetry specification. */
export function wantsTraces(env: Readonly<Record<string, string | undefined>>): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return false;
  return Boolean(env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']);
}

/** The libraries for it are loaded with the first call: most processes trace nothing. */
export async function startTraces(options: TracesOptions): Promise<Traces> {
  const { openTraces } = await import('./traces.ts');
  return openTraces(options);
}
