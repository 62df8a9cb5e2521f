/**
 * The process of the proxies: opens edges and does what it is told over IPC. It is a process of its own so that a bed that is busy does
 * not slow the cluster down; it ends when its parent does.
 */
import { chanceOf } from '../chance.ts';
import { Edge } from './edge.ts';
import type { ProxyAnswer, ProxyOrder, ProxyRequest, ProxyResult } from './toxics.ts';

const edges = new Map<string, Edge>();

process.on('disconnect', () => process.exit(0));
// A key in the terminal reaches the whole group; the bed decides when this ends.
process.on('SIGINT', () => undefined);
process.on('message', (message: ProxyRequest) => {
  void carryOut(message)
    .then((answer): ProxyAnswer => ({ request: message.request, ok: true, answer }))
    .catch((error: unknown): ProxyAnswer => ({ request: message.request, ok: false, error: String(error) }))
    .then((answer) => process.send?.(answer));
});

async function carryOut(order: ProxyOrder): Promise<ProxyResult> {
  switch (order.kind) {
    case 'open': {
      for (const [index, place] of order.edges.entries()) {
        const edge = new Edge(place, chanceOf(order.seed, 1000 + index).next);
        await edge.open();
        edges.set(place.name, edge);
      }
      return {};
    }
    case 'add':
      for (const name of order.edges) named(name).add(order.id, order.toxic);
      return {};
    case 'remove':
      for (const edge of edges.values()) edge.remove(order.id, order.reset);
      return {};
    case 'strike':
      return { struck: order.edges.reduce((struck, name) => struck + named(name).strike(order.strike), 0) };
    case 'calm':
      for (const edge of edges.values()) edge.calm();
      return {};
    case 'count':
      return { counts: Object.fromEntries([...edges].map(([name, { counts }]) => [name, { ...counts }])) };
  }
}

function named(name: string): Edge {
  const edge = edges.get(name);
  if (!edge) throw new Error(`there is no edge ${name}`);
  return edge;
}
