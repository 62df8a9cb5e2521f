/**
 * The process of the proxies: opens edges and does what it is told over IPC. It is a process of its own so that a bed that is busy does
 * not slow the cluster down; it ends when its parent does.
 */
import { chanceOf } from '../chance.ts';
import { Edge } from './edge.ts';
import type { EdgeCounts, ProxyAnswer, ProxyOrder, ProxyRequest } from './toxics.ts';

const edges = new Map<string, Edge>();

process.on('disconnect', () => process.exit(0));
// A key in the terminal reaches the whole group; the bed decides when this ends.
process.on('SIGINT', () => undefined);
process.on('message', (message: ProxyRequest) => {
  void carryOut(message)
    .then((counts): ProxyAnswer => ({ request: message.request, ok: true, ...(counts && { counts }) }))
    .catch((error: unknown): ProxyAnswer => ({ request: message.request, ok: false, error: String(error) }))
    .then((answer) => process.send?.(answer));
});

async function carryOut(order: ProxyOrder): Promise<Record<string, EdgeCounts> | null> {
  switch (order.kind) {
    case 'open': {
      for (const [index, place] of order.edges.entries()) {
        const edge = new Edge(place, chanceOf(order.seed, 1000 + index).next);
        await edge.open();
        edges.set(place.name, edge);
      }
      return null;
    }
    case 'add':
      for (const name of order.edges) named(name).add(order.id, order.toxic);
      return null;
    case 'remove':
      for (const edge of edges.values()) edge.remove(order.id, order.reset);
      return null;
    case 'strike':
      for (const name of order.edges) named(name).strike(order.strike);
      return null;
    case 'calm':
      for (const edge of edges.values()) edge.calm();
      return null;
    case 'count':
      return Object.fromEntries([...edges].map(([name, { counts }]) => [name, { ...counts }]));
  }
}

function named(name: string): Edge {
  const edge = edges.get(name);
  if (!edge) throw new Error(`there is no edge ${name}`);
  return edge;
}
