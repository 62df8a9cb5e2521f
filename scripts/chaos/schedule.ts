/**
 * What goes wrong when: computed from the seed before the storm begins, so that a seed stands for one storm. What the cluster makes of
 * it depends on the machine; what is done to it does not.
 */
import { APIS, EDGES, MASTERS, WORKERS } from './topology.ts';
import { chanceOf, type Chance } from './chance.ts';

export interface Fault {
  kind: FaultKind;
  /** From the beginning of the storm. */
  atMs: number;
  /** How long it lasts; of a kill, how long the process stays away. */
  forMs: number;
  /** A process, or the edges, that it is done to. */
  target: string[];
  /** Finer: a direction, a disk, a moment. */
  variant: string;
}

interface Rule {
  /** Shortest and longest, in milliseconds. */
  lasts: [number, number];
  /** Each a choice of what it is done to. */
  targets: string[][];
  variants?: string[];
  /** At most once in so many milliseconds of the storm. */
  everyMs?: number;
  /** Only disks of their own can be full, and only hosts of their own unplugged. */
  needs?: 'disks' | 'hosts';
  what: string;
}

const edgesOf = (accept: (edge: (typeof EDGES)[number]) => boolean): string[] =>
  EDGES.filter(accept).map(({ name }) => name);
const one = (names: string[]): string[][] => names.map((name) => [name]);
const DIRECTIONS = ['both', 'both', 'up', 'down'];
const WORKER_LINKS = edgesOf(({ protocol }) => protocol === 'websocket');
const STORE_LINKS = edgesOf(({ to }) => to === 'store');
const ALL_LINKS = edgesOf(() => true);
const linksOf = (process: string): string[] =>
  edgesOf(({ from, to, protocol }) => protocol === 'websocket' && (from === process || to === process));

export const RULES = {
  'master-kill': { lasts: [300, 20_000], targets: one(MASTERS), what: 'kill -9 of a master, started again later' },
  'master-freeze': { lasts: [2_000, 26_000], targets: one(MASTERS), what: 'SIGSTOP of a master, also past its lease' },
  'worker-kill': {
    lasts: [200, 10_000],
    targets: one(WORKERS),
    what: "kill -9 of a worker's agent; supervisor and tasks go on",
  },
  'worker-freeze': { lasts: [2_000, 30_000], targets: one(WORKERS), what: "SIGSTOP of a worker's agent" },
  'worker-freeze-long': {
    lasts: [90_000, 105_000],
    targets: one(WORKERS),
    everyMs: 240_000,
    what: "SIGSTOP of a worker's agent past the execution lease: the supervisor must have killed before another attempt starts",
  },
  'supervisor-kill': {
    lasts: [0, 0],
    targets: one(WORKERS),
    what: 'kill -9 of a supervisor; the agent starts another',
  },
  'supervisor-freeze': { lasts: [1_000, 12_000], targets: one(WORKERS), what: 'SIGSTOP of a supervisor' },
  'agent-and-supervisor-kill': { lasts: [200, 8_000], targets: one(WORKERS), what: 'kill -9 of both; tasks go on' },
  'host-crash': {
    lasts: [500, 15_000],
    targets: one(WORKERS),
    what: 'kill -9 of agent, supervisor and every task of a worker at once',
  },
  'host-freeze': {
    lasts: [2_000, 20_000],
    targets: one(WORKERS),
    what: 'SIGSTOP of agent, supervisor and every task of a worker, as a suspended machine',
  },
  'api-kill': { lasts: [200, 8_000], targets: one(APIS), what: 'kill -9 of an API' },
  'api-freeze': { lasts: [1_000, 10_000], targets: one(APIS), what: 'SIGSTOP of an API' },
  'store-crash': {
    lasts: [100, 4_000],
    targets: [['store']],
    what: 'PostgreSQL stopped with -m immediate, started again',
  },
  'store-loop': { lasts: [6_000, 10_000], targets: [['store']], what: 'PostgreSQL restarted again and again' },
  'store-freeze': { lasts: [1_000, 14_000], targets: [['store']], what: 'SIGSTOP of PostgreSQL and all its backends' },
  'store-outage': { lasts: [60_000, 60_000], targets: [['store']], everyMs: 300_000, what: 'PostgreSQL away for 60 s' },
  unplug: {
    lasts: [2_000, 30_000],
    targets: one([...MASTERS, ...WORKERS, ...APIS]),
    needs: 'hosts',
    what: 'the network of a master, worker or API down: packets are lost, connections cannot be made',
  },
  'cut-master-store': {
    lasts: [2_000, 25_000],
    targets: one(edgesOf(({ from, to }) => to === 'store' && MASTERS.includes(from))),
    variants: DIRECTIONS,
    what: 'a master cut off from PostgreSQL, both ways or one',
  },
  'cut-api-store': {
    lasts: [1_000, 12_000],
    targets: one(edgesOf(({ from, to }) => to === 'store' && APIS.includes(from))),
    variants: DIRECTIONS,
    what: 'an API cut off from PostgreSQL',
  },
  'cut-worker': {
    lasts: [2_000, 35_000],
    targets: WORKERS.map(linksOf),
    variants: DIRECTIONS,
    what: 'a worker cut off from all masters',
  },
  'cut-worker-long': {
    lasts: [90_000, 105_000],
    targets: WORKERS.map(linksOf),
    variants: DIRECTIONS,
    everyMs: 240_000,
    what: 'a worker cut off from all masters past the execution lease',
  },
  'cut-worker-master': {
    lasts: [2_000, 30_000],
    targets: one(WORKER_LINKS),
    variants: DIRECTIONS,
    what: 'a worker cut off from one master',
  },
  'cut-master': {
    lasts: [2_000, 25_000],
    targets: MASTERS.map(linksOf),
    variants: DIRECTIONS,
    what: 'a master cut off from all workers',
  },
  'cut-api-master': {
    lasts: [2_000, 15_000],
    targets: one(edgesOf(({ from }) => from === 'api')),
    variants: DIRECTIONS,
    what: "a master's operations port out of reach",
  },
  delay: {
    lasts: [3_000, 15_000],
    targets: [...one(ALL_LINKS), ALL_LINKS],
    variants: ['20', '80', '400'],
    what: 'milliseconds of delay, and as many of jitter, on one edge or all',
  },
  bandwidth: {
    lasts: [3_000, 10_000],
    targets: one(ALL_LINKS),
    variants: ['3000', '30000'],
    what: 'bytes per second on one edge',
  },
  reset: { lasts: [0, 0], targets: [...one(ALL_LINKS), WORKER_LINKS, STORE_LINKS], what: 'connections reset' },
  refuse: { lasts: [1_000, 8_000], targets: one(ALL_LINKS), what: 'new connections reset' },
  'half-close': {
    lasts: [0, 0],
    targets: one(ALL_LINKS),
    variants: ['up', 'down'],
    what: 'one way of a connection closed, the other left open',
  },
  duplicate: {
    lasts: [4_000, 15_000],
    targets: [...one(WORKER_LINKS), WORKER_LINKS],
    variants: ['both', 'up', 'down'],
    what: 'WebSocket messages come twice',
  },
  reorder: {
    lasts: [4_000, 15_000],
    targets: [...one(WORKER_LINKS), WORKER_LINKS],
    variants: ['both', 'up', 'down'],
    what: 'WebSocket messages overtake each other',
  },
  'cut-commit': {
    lasts: [3_000, 10_000],
    targets: one(STORE_LINKS),
    variants: ['after', 'after', 'before'],
    what: 'connections reset right after, or before, a COMMIT was carried out',
  },
  'disk-full': {
    lasts: [2_000, 8_000],
    targets: one(WORKERS),
    variants: ['work', 'spool'],
    needs: 'disks',
    what: "a worker's disk for work or for logs is full",
  },
  'disk-full-store': { lasts: [2_000, 8_000], targets: [['store']], needs: 'disks', what: "PostgreSQL's disk is full" },
  clock: {
    lasts: [3_000, 20_000],
    targets: one([...MASTERS, ...WORKERS, ...APIS]),
    variants: ['3600000', '-3600000', '5000'],
    what: 'the wall clock of a process is off by so many milliseconds',
  },
} as const satisfies Record<string, Rule>;

export type FaultKind = keyof typeof RULES;
export const FAULT_KINDS = Object.keys(RULES) as FaultKind[];

export interface StormPlan {
  faults: Fault[];
  /** Kinds that were asked for and do not fit: the storm is too short, or the machine cannot do it. */
  impossible: { kind: FaultKind; why: string }[];
}

export interface PlanOptions {
  seed: number;
  seconds: number;
  kinds: readonly FaultKind[];
  /** Whether disks can be filled. */
  disks: boolean;
  /** Whether hosts can be unplugged. */
  hosts: boolean;
}

const FIRST_AT_MS = 2_000;
/** Between the beginnings of faults, on average. */
const GAP_MS = 2_500;
const AT_ONCE_MAX = 5;
/** Faults that are waited out do not keep others from coming. */
const LONG_MS = 50_000;
/** Nothing is done to the same thing for so long after a fault. */
const REST_MS = 5_000;
/** Faults end before the storm does. */
const CALM_MS = 1_000;

/** Draws kinds as from a deck of cards, so that each comes about equally often. */
export function planStorm({ seed, seconds, kinds, disks, hosts }: PlanOptions): StormPlan {
  const chance = chanceOf(seed);
  const endMs = seconds * 1000 - CALM_MS;
  const impossible = kinds.flatMap((kind) => {
    const rule: Rule = RULES[kind];
    if (rule.needs === 'disks' && !disks) return [{ kind, why: 'disks of a size of their own need root' }];
    if (rule.needs === 'hosts' && !hosts) return [{ kind, why: 'network namespaces need root' }];
    if (FIRST_AT_MS + rule.lasts[0] > endMs) return [{ kind, why: `it lasts ${rule.lasts[0] / 1000} s at least` }];
    return [];
  });
  const possible = kinds.filter((kind) => impossible.every((each) => each.kind !== kind));
  const faults: Fault[] = [];
  let deck: FaultKind[] = [];
  for (let at = FIRST_AT_MS; possible.length > 0 && at < endMs; at += chance.between(0.2, 1.8) * GAP_MS) {
    if (faults.filter((fault) => fault.forMs < LONG_MS && fault.atMs + fault.forMs > at).length >= AT_ONCE_MAX)
      continue;
    let fault = draw(deck, { at, endMs, faults, chance });
    if (fault === null) {
      // What is left of the deck has to wait for its time: the others are dealt again.
      const left = deck;
      deck = [
        ...left,
        ...shuffled(
          possible.filter((kind) => !left.includes(kind)),
          chance,
        ),
      ];
      fault = draw(deck, { at, endMs, faults, chance });
    }
    if (fault) faults.push(fault);
  }
  return { faults, impossible };
}

/** The first of the deck that can happen now; those that cannot wait for another time. */
function draw(
  deck: FaultKind[],
  { at, endMs, faults, chance }: { at: number; endMs: number; faults: Fault[]; chance: Chance },
): Fault | null {
  for (const [position, kind] of deck.entries()) {
    const rule: Rule = RULES[kind];
    const longest = Math.min(rule.lasts[1], endMs - at);
    if (longest < rule.lasts[0]) continue;
    const last = faults.findLast((fault) => fault.kind === kind);
    if (rule.everyMs !== undefined && last !== undefined && at < last.atMs + rule.everyMs) continue;
    const fault: Fault = {
      kind,
      atMs: Math.round(at),
      forMs: Math.round(chance.between(rule.lasts[0], longest)),
      target: chance.pick(rule.targets),
      variant: rule.variants === undefined ? '' : chance.pick(rule.variants),
    };
    if (faults.some((other) => clash(other, fault))) continue;
    deck.splice(position, 1);
    return fault;
  }
  return null;
}

/** Faults that let execution leases run out: the supervisor must kill in time then, which it cannot while it stands still. */
const ENDS_LEASES = new Set<FaultKind>(['store-outage', 'cut-worker-long', 'worker-freeze-long']);
const STOPS_GUARDS = new Set<FaultKind>(['supervisor-freeze', 'host-freeze']);

function clash(earlier: Fault, later: Fault): boolean {
  if (later.atMs > earlier.atMs + earlier.forMs + REST_MS) return false;
  const kinds = [earlier.kind, later.kind];
  if (kinds.some((kind) => ENDS_LEASES.has(kind)) && kinds.some((kind) => STOPS_GUARDS.has(kind))) return true;
  // One after the other, so that there is still something to break.
  if (kinds.every((kind) => ENDS_LEASES.has(kind))) return true;
  const things = new Set(thingsOf(earlier));
  return thingsOf(later).some((thing) => things.has(thing));
}

/** A worker that is cut off from every master counts as touched itself. */
function thingsOf({ kind, target }: Fault): string[] {
  return kind === 'cut-worker' || kind === 'cut-worker-long' ? [...target, target[0]!.split('>')[0]!] : target;
}

function shuffled<Item>(items: readonly Item[], chance: Chance): Item[] {
  const left = [...items];
  const order: Item[] = [];
  while (left.length > 0) order.push(...left.splice(Math.floor(chance.next() * left.length), 1));
  return order;
}
