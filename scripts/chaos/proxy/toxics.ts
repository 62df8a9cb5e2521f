/** What can be wrong with an edge, in the words that the bed and the proxy's process share. */

/** `up`: from whoever dialled; `down`: back to them. */
export type Direction = 'up' | 'down' | 'both';

export type Toxic =
  | { kind: 'delay'; direction: Direction; ms: number; jitterMs: number }
  | { kind: 'bandwidth'; direction: Direction; bytesPerSecond: number }
  /** Nothing arrives and nobody is told; what was sent arrives when it is over, as after a partition that TCP outlived. */
  | { kind: 'black-hole'; direction: Direction }
  /** New connections are reset at once. */
  | { kind: 'refuse' }
  /** Whole WebSocket messages, by chance. */
  | { kind: 'duplicate'; direction: Direction; chance: number }
  | { kind: 'reorder'; direction: Direction; chance: number }
  /** The client's COMMIT reaches PostgreSQL and is carried out (`after`) or never arrives (`before`); then the connection is reset. */
  | { kind: 'cut-commit'; moment: 'before' | 'after'; chance: number };

/** Done once to every connection that is open. */
export type Strike = { kind: 'reset' } | { kind: 'half-close'; direction: 'up' | 'down' };

export type EdgeProtocol = 'websocket' | 'postgres' | 'http';

export interface EdgePlace {
  name: string;
  protocol: EdgeProtocol;
  listenHost: string;
  listenPort: number;
  targetHost: string;
  targetPort: number;
}

/** What the toxics of an edge have done to its traffic. */
export interface EdgeCounts {
  connections: number;
  bytes: number;
  refused: number;
  resets: number;
  halfCloses: number;
  delayed: number;
  held: number;
  duplicated: number;
  reordered: number;
  cutBeforeCommit: number;
  cutAfterCommit: number;
}

export type ProxyOrder =
  | { kind: 'open'; edges: EdgePlace[]; seed: number }
  | { kind: 'add'; edges: string[]; id: number; toxic: Toxic }
  /** `reset`: connections do not outlive it. */
  | { kind: 'remove'; id: number; reset: boolean }
  | { kind: 'strike'; edges: string[]; strike: Strike }
  | { kind: 'calm' }
  | { kind: 'count' };

/** Of `count` by edge; of `strike` how many connections there were. */
export interface ProxyResult {
  counts?: Record<string, EdgeCounts>;
  struck?: number;
}

export type ProxyRequest = ProxyOrder & { request: number };
export type ProxyAnswer = { request: number } & ({ ok: true; answer: ProxyResult } | { ok: false; error: string });

export function noCounts(): EdgeCounts {
  return {
    connections: 0,
    bytes: 0,
    refused: 0,
    resets: 0,
    halfCloses: 0,
    delayed: 0,
    held: 0,
    duplicated: 0,
    reordered: 0,
    cutBeforeCommit: 0,
    cutAfterCommit: 0,
  };
}
