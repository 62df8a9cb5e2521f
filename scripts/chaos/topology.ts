/** Who is in the cluster under test, and who dials whom. */
import type { EdgeProtocol } from './proxy/toxics.ts';

export const MASTERS = ['master-1', 'master-2', 'master-3'];
export const WORKERS = ['worker-1', 'worker-2', 'worker-3', 'worker-4'];
export const APIS = ['api-1', 'api-2'];

export interface EdgeBetween {
  name: string;
  from: string;
  to: string;
  protocol: EdgeProtocol;
}

/** The edge between two processes, as toxics name it. */
export function edgeName(from: string, to: string): string {
  return `${from}>${to}`;
}

/** Every edge. All APIs reach a master's operations port at the address that the master says. */
export const EDGES: EdgeBetween[] = [
  ...WORKERS.flatMap((worker) => MASTERS.map((master) => edge(worker, master, 'websocket'))),
  ...MASTERS.map((master) => edge(master, 'store', 'postgres')),
  ...APIS.map((api) => edge(api, 'store', 'postgres')),
  ...MASTERS.map((master) => edge('api', master, 'http')),
  ...APIS.map((api) => edge('client', api, 'http')),
];

function edge(from: string, to: string, protocol: EdgeProtocol): EdgeBetween {
  return { name: edgeName(from, to), from, to, protocol };
}
