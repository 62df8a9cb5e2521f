/** The workflows of a storm: each a shape that something can go wrong with. Every task that a worker runs writes to the ledger. */
import { scriptWithLedger, shellPrelude } from './ledger.ts';

export const PROJECT = 'chaos';
/** Task groups and their sizes. */
export const GROUPS: ReadonlyMap<string, number> = new Map([['narrow', 3]]);

export type Shape = (typeof SHAPES)[number];
export const SHAPES = [
  'chain',
  'fan',
  'retries',
  'long',
  'endless',
  'kill',
  'stop',
  'pause',
  'again',
  'nested',
  'mixed',
  'group',
  'serial',
] as const;

export interface WorkloadPlace {
  ledger: string;
  /** Where HTTP tasks go; answers after writing to the ledger. */
  httpUrl: string;
  /** `again` fails until there is a file of the run's nonce in it. */
  flags: string;
  /** How long the tasks of `long` rest, in tenths of seconds. */
  longTenths: number;
}

type Task = Record<string, unknown>;

/** Definitions by name, for saving in this order. */
export function definitions(place: WorkloadPlace): Map<string, object> {
  const prelude = shellPrelude(place.ledger);
  const shell = (text: string, more: Task = {}): Task => ({ run: `${prelude}${text}`, ...more });
  const quick = (needs: string[] = [], more: Task = {}): Task => shell('done_with 0', { needs, ...more });
  const resting = (tenths: number, more: Task = {}): Task => shell(`rest ${tenths}; done_with 0`, more);
  const flow = (tasks: Record<string, Task>, more: Task = {}): object => ({ params: { nonce: '' }, ...more, tasks });

  const shapes: Record<Shape, object> = {
    chain: flow({ a: quick(), b: quick(['a']), c: resting(3, { needs: ['b'] }), d: quick(['c']), e: quick(['d']) }),
    fan: flow({
      first: quick(),
      ...Object.fromEntries(range(10).map((n) => [`side-${n}`, resting(3 + n, { needs: ['first'] })])),
      last: quick(range(10).map((n) => `side-${n}`)),
    }),
    // Two failures, then success; attempts that are lost on the way count as failures did.
    retries: flow({
      a: shell('[ "${PELORUS_ATTEMPT##*.}" -ge 3 ] && done_with 0; done_with 7', {
        retry: { max: 4, interval: '300ms' },
      }),
      b: quick(['a']),
    }),
    long: flow({ a: resting(place.longTenths), b: resting(place.longTenths), c: quick(['a', 'b']) }),
    // Longer than a worker may be silent: its attempts must be dead before they are made again.
    endless: flow({ a: resting(ENDLESS_TENTHS), b: resting(ENDLESS_TENTHS) }),
    kill: flow({ victim: shell('offspring; rest 3000; done_with 0') }),
    stop: flow({
      a: shell('offspring; rest 3000; done_with 0'),
      b: shell('trap "" TERM; rest 3000; done_with 0'),
      c: quick(['a', 'b']),
    }),
    pause: flow({ a: resting(6), b: resting(6, { needs: ['a'] }), c: resting(3, { needs: ['b'] }), d: quick(['c']) }),
    again: flow({
      a: quick(),
      b: shell(`[ -e '${place.flags}'/"$nonce" ] && done_with 0; done_with 9`, { needs: ['a'] }),
      c: quick(['b']),
    }),
    nested: flow({
      a: quick(),
      one: { type: 'sub_workflow', workflow: 'chain', needs: ['a'] },
      two: { type: 'sub_workflow', workflow: 'retries', needs: ['a'] },
      b: quick(['one', 'two']),
    }),
    mixed: flow({
      shell: quick(),
      script: {
        type: 'script',
        needs: ['shell'],
        params: { attempt: '${system.task.instance.id}' },
        run: scriptWithLedger(place.ledger, 'await rest(600);'),
      },
      http: {
        type: 'http',
        method: 'POST',
        needs: ['script'],
        url: place.httpUrl,
        body: '${system.task.instance.id}',
        retry: { max: 3, interval: '500ms' },
      },
      last: quick(['http']),
    }),
    group: flow({
      ...Object.fromEntries(range(4).map((n) => [`member-${n}`, resting(6, { taskGroup: 'narrow' })])),
      last: quick(range(4).map((n) => `member-${n}`)),
    }),
    serial: flow({ a: resting(3), b: quick(['a']) }, { concurrency: 'serial_wait' }),
  };
  return new Map(Object.entries(shapes).map(([name, definition]) => [name, { name, project: PROJECT, ...definition }]));
}

const ENDLESS_TENTHS = 1_100;

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
