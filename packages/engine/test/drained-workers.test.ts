import { masterIdOf } from '@pelorus/protocol';
import { expect, test } from 'vitest';
import { MasterCore } from '../src/index.ts';
import { heartbeat, hello } from './one-worker.ts';

/** What each batch says of workers, and whether they are told that they are given more. */
function told(core: MasterCore, at: number): { states: string[]; accepting: boolean[] } {
  const batch = core.flush(at);
  const states = (batch?.changes ?? []).flatMap((change) => (change.kind === 'worker' ? [change.record.state] : []));
  const messages = [...(batch?.sends.values() ?? [])].flat();
  return { states, accepting: messages.flatMap((message) => (message.kind === 'lease' ? [message.accepting] : [])) };
}

test('a drained worker is stored as draining and gets nothing new, also when it is started again; until it is undrained', () => {
  const core = new MasterCore({ master: masterIdOf('m'), selector: 'lower_weight', random: () => 0 });
  core.frame(1, [hello('w.1')], 0);
  expect(told(core, 0)).toEqual({ states: ['online'], accepting: [true] });
  core.setDrained(new Set(['w']), 10);
  expect(told(core, 10)).toEqual({ states: ['draining'], accepting: [] });
  core.setDrained(new Set(['w', 'other']), 20);
  expect(told(core, 20)).toEqual({ states: [], accepting: [] });
  core.frame(1, [heartbeat('w.1', 30)], 30);
  expect(told(core, 30)).toEqual({ states: [], accepting: [false] });
  core.frame(2, [hello('w.2')], 40);
  expect(told(core, 40)).toEqual({ states: ['draining'], accepting: [false] });
  core.setDrained(new Set(), 50);
  expect(told(core, 50).states).toEqual(['online', 'online']);
});
