/** What `/metrics` of a master or worker says: the process itself, and figures of the role. No label comes from outside. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** A figure that is read when somebody asks. */
export interface Figure {
  name: string;
  help: string;
  value: () => number;
}

/** The text that Prometheus reads. */
export function metricsOf(role: 'master' | 'worker', figures: Figure[]): () => Promise<string> {
  const register = new Registry();
  register.setDefaultLabels({ role });
  collectDefaultMetrics({ register, prefix: 'pelorus_' });
  for (const { name, help, value } of figures) {
    const gauge: Gauge = new Gauge({ name, help, registers: [register], collect: () => gauge.set(value()) });
  }
  return () => register.metrics();
}
