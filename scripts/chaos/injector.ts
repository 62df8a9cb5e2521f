/** Carries out one fault on the bed. Every kind has one function, which gives the way back. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Bed } from './bed.ts';
import { signalPid } from './processes.ts';
import type { Direction } from './proxy/toxics.ts';
import type { Fault, FaultKind } from './schedule.ts';

/** Ends the fault. */
export type Undo = () => Promise<void> | void;

/** Does it; resolves with the way back, or with null when there was nothing to do it to. */
export async function inject(bed: Bed, fault: Fault): Promise<Undo | null> {
  return INJECTORS[fault.kind](bed, fault);
}

type Injector = (bed: Bed, fault: Fault) => Promise<Undo | null>;

/** A black hole ends for some with what was held back, for others with a reset. */
const endsWithReset = (fault: Fault): boolean => fault.atMs % 2 === 0;

const kill: Injector = async (bed, { target }) => {
  const unit = bed.unit(target[0]!);
  if (unit.pid === null) return null;
  await unit.kill();
  return () => unit.start();
};

const freeze: Injector = async (bed, { target }) => {
  const unit = bed.unit(target[0]!);
  const { pid } = unit;
  if (!unit.signal('SIGSTOP')) return null;
  return () => {
    if (unit.pid === pid) unit.signal('SIGCONT');
  };
};

const blackHole: Injector = async (bed, fault) => {
  const remove = await bed.proxies.add(fault.target, { kind: 'black-hole', direction: fault.variant as Direction });
  return () => remove({ reset: endsWithReset(fault) });
};

const nothingToUndo: Undo = () => undefined;

const killSupervisor: Injector = async (bed, { target }) => {
  const supervisor = bed.supervisorOf(target[0]!);
  return supervisor !== null && signalPid(supervisor.pid, 'SIGKILL') ? nothingToUndo : null;
};

const INJECTORS: Record<FaultKind, Injector> = {
  'master-kill': kill,
  'worker-kill': kill,
  'api-kill': kill,
  'master-freeze': freeze,
  'worker-freeze': freeze,
  'worker-freeze-long': freeze,
  'api-freeze': freeze,
  'supervisor-kill': killSupervisor,
  'supervisor-freeze': async (bed, { target }) => {
    const supervisor = bed.supervisorOf(target[0]!);
    if (supervisor === null || !signalPid(supervisor.pid, 'SIGSTOP')) return null;
    return () => void signalPid(supervisor.pid, 'SIGCONT');
  },
  'agent-and-supervisor-kill': async (bed, fault) => {
    const start = await kill(bed, fault);
    await killSupervisor(bed, fault);
    return start;
  },
  'host-crash': async (bed, fault) => {
    // All at once: nobody on the host sees anybody else die.
    const processes = bed.hostProcessesOf(fault.target[0]!);
    for (const { pid } of processes) signalPid(pid, 'SIGSTOP');
    const start = await kill(bed, fault);
    for (const { pid } of [...processes, ...bed.hostProcessesOf(fault.target[0]!)]) signalPid(pid, 'SIGKILL');
    return start;
  },
  'host-freeze': async (bed, fault) => {
    const thaw = await freeze(bed, fault);
    const frozen = bed.hostProcessesOf(fault.target[0]!);
    for (const { pid } of frozen) signalPid(pid, 'SIGSTOP');
    return async () => {
      await thaw?.();
      for (const { pid } of frozen) signalPid(pid, 'SIGCONT');
    };
  },
  'store-crash': async ({ database }) => {
    await database.stopImmediate();
    return () => database.start();
  },
  'store-outage': async ({ database }) => {
    await database.stopImmediate();
    return () => database.start();
  },
  'store-loop': async ({ database }, { forMs }) => {
    const endsAt = Date.now() + forMs;
    const looping = (async () => {
      while (Date.now() < endsAt) {
        await database.stopImmediate();
        await pause(200);
        database.start();
        await pause(1_500);
      }
    })();
    return () => looping;
  },
  'store-freeze': async ({ database }) => {
    database.signalAll('SIGSTOP');
    return () => database.signalAll('SIGCONT');
  },
  unplug: async ({ network }, { target }) => {
    await network.plug(target[0]!, false);
    return () => network.plug(target[0]!, true);
  },
  'cut-master-store': blackHole,
  'cut-api-store': blackHole,
  'cut-worker': blackHole,
  'cut-worker-long': blackHole,
  'cut-worker-master': blackHole,
  'cut-master': blackHole,
  'cut-api-master': blackHole,
  delay: async ({ proxies }, { target, variant }) => {
    const ms = Number(variant);
    const remove = await proxies.add(target, { kind: 'delay', direction: 'both', ms, jitterMs: ms });
    return () => remove({ reset: false });
  },
  bandwidth: async ({ proxies }, { target, variant }) => {
    const remove = await proxies.add(target, { kind: 'bandwidth', direction: 'both', bytesPerSecond: Number(variant) });
    return () => remove({ reset: false });
  },
  reset: async ({ proxies }, { target }) => {
    return (await proxies.strike(target, { kind: 'reset' })) > 0 ? nothingToUndo : null;
  },
  refuse: async ({ proxies }, { target }) => {
    await proxies.strike(target, { kind: 'reset' });
    const remove = await proxies.add(target, { kind: 'refuse' });
    return () => remove({ reset: false });
  },
  'half-close': async ({ proxies }, { target, variant }) => {
    const struck = await proxies.strike(target, { kind: 'half-close', direction: variant as 'up' | 'down' });
    return struck > 0 ? nothingToUndo : null;
  },
  duplicate: async ({ proxies }, { target, variant }) => {
    const remove = await proxies.add(target, { kind: 'duplicate', direction: variant as Direction, chance: 0.3 });
    return () => remove({ reset: false });
  },
  reorder: async ({ proxies }, { target, variant }) => {
    const remove = await proxies.add(target, { kind: 'reorder', direction: variant as Direction, chance: 0.3 });
    return () => remove({ reset: false });
  },
  'cut-commit': async ({ proxies }, { target, variant }) => {
    const moment = variant as 'before' | 'after';
    const remove = await proxies.add(target, { kind: 'cut-commit', moment, chance: 0.2 });
    return () => remove({ reset: false });
  },
  'disk-full': async (bed, { target, variant }) => fill(bed.disk(variant as 'work' | 'spool', target[0]!)),
  'disk-full-store': async (bed) => fill(bed.disk('database', '')),
  clock: async (bed, { target, variant }) => {
    bed.setClock(target[0]!, Number(variant));
    return () => bed.setClock(target[0]!, 0);
  },
};

async function fill(disk: ReturnType<Bed['disk']>): Promise<Undo | null> {
  if (disk === null) return null;
  await disk.fill();
  return () => disk.free();
}
