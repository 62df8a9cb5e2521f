/** Runs of one workflow taking turns: what every store must do, whoever comes and goes at once. */
import type { Command } from '@pelorus/engine';
import { isTerminalRun } from '@pelorus/protocol';
import type { ConcurrencyPolicy, RunId, RunState } from '@pelorus/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fence, NewRun, RunRow, Store } from '../../src/store/index.ts';
import type { Effort, Place } from './contract.ts';
import { AT, definition, master, newRun, runChange, saveOf, status, taskDefinition, withWorkflow } from './records.ts';

export function turnsContract(makePlace: () => Promise<Place>, { histories }: Effort): void {
  describe('runs of one workflow', () => {
    let place: Place;
    let store: Store;
    let fence: Fence;
    beforeEach(async () => {
      place = await makePlace();
      store = await place.open();
      await withWorkflow(store);
      fence = await master(store, 'm1');
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });
    const restart = async () => {
      await store.close();
      store = await place.open();
      fence = await master(store, `m${Math.random()}`, { supersedes: [fence.master] });
    };

    const submit = async (concurrency?: ConcurrencyPolicy, more: Partial<NewRun> = {}): Promise<RunId> =>
      (await store.submitRun(newRun({ ...(concurrency && { concurrency }), ...more }))).run.id;
    const version = new Map<RunId, number>();
    const move = (run: RunId, state: RunState, at = AT + 60_000) => {
      version.set(run, (version.get(run) ?? 0) + 1);
      const ended = isTerminalRun(state) ? at : null;
      return store.commit(fence, [
        runChange(status(run, { version: version.get(run)!, state, endedAt: ended, owner: fence.master })),
      ]);
    };
    const rowOf = async (run: RunId): Promise<RunRow> => (await store.getRun(run))!;
    const stateOf = async (run: RunId): Promise<RunState> => (await rowOf(run)).status.state;
    const reasonOf = async (run: RunId) => (await rowOf(run)).status.waitReason;
    const commandsOf = async (run: RunId): Promise<Command['action'][]> =>
      (await store.claimCommands(fence, null, 5000))
        .filter((command) => command.run === run)
        .map(({ action }) => action);

    test('parallel is the default: each has its start command at once', async () => {
      const runs = [await submit(), await submit(), await submit('parallel')];
      expect(await Promise.all(runs.map(stateOf))).toEqual(['queued', 'queued', 'queued']);
      expect((await store.claimCommands(fence, null, 10)).map(({ run }) => run)).toEqual(runs);
      expect((await rowOf(runs[2]!)).spec.concurrency).toBe('parallel');
    });

    test('the policy is that of the pinned version, unless the run says otherwise', async () => {
      await store.saveWorkflow(saveOf({ hash: 'hash-2', definition: definition({ concurrency: 'serial_wait' }) }));
      const first = await submit();
      expect(await stateOf(await submit(undefined, { workflowVersion: 1 }))).toBe('queued');
      expect(await stateOf(await submit(undefined))).toBe('waiting');
      expect(await stateOf(await submit(undefined, { workflowVersion: 2 }))).toBe('waiting');
      expect(await stateOf(await submit('parallel'))).toBe('queued');
      expect(await stateOf(first)).toBe('queued');
    });

    describe('serial_wait', () => {
      test('who comes second waits, without a start command, and says for whom', async () => {
        const [first, second, third] = [
          await submit('serial_wait'),
          await submit('serial_wait'),
          await submit('serial_wait'),
        ];
        expect((await rowOf(second)).status).toEqual({
          run: second,
          version: 0,
          state: 'waiting',
          cause: null,
          firstFailure: null,
          waitReason: `waits for its turn, behind run ${first} (serial_wait)`,
          owner: null,
          startedAt: null,
          endedAt: null,
        });
        expect(await reasonOf(third)).toBe(`waits for its turn, behind run ${second} (serial_wait)`);
        expect((await store.claimCommands(fence, null, 10)).map(({ run }) => run)).toEqual([first]);
      });

      test.each(['succeeded', 'failed', 'stopped', 'dependency_failed'] as const)(
        'when the one before has %s, the next has its start command, written with that end',
        async (end) => {
          const [first, second, third] = [
            await submit('serial_wait'),
            await submit('serial_wait'),
            await submit('serial_wait'),
          ];
          expect(await move(first, 'running')).toEqual({ commands: 0 });
          expect(await commandsOf(second)).toEqual([]);
          expect(await move(first, end)).toEqual({ commands: 1 });
          expect(await commandsOf(second)).toEqual([{ kind: 'start' }]);
          expect((await rowOf(second)).status).toMatchObject({ state: 'queued', waitReason: null });
          expect(await stateOf(third)).toBe('waiting');
          expect(await commandsOf(third)).toEqual([]);
        },
      );

      test('a paused run keeps the others waiting', async () => {
        const [first, second] = [await submit('serial_wait'), await submit('serial_wait')];
        await move(first, 'pausing');
        await move(first, 'paused');
        expect(await stateOf(second)).toBe('waiting');
        expect(await commandsOf(second)).toEqual([]);
      });

      test('one that is stopped while it waits makes room; the reason of the one behind names who is before it now', async () => {
        const [first, second, third] = [
          await submit('serial_wait'),
          await submit('serial_wait'),
          await submit('serial_wait'),
        ];
        await store.requestCommand({
          run: second,
          action: { kind: 'stop' },
          user: 'ann',
          at: AT,
          idempotencyKey: null,
        });
        expect(await commandsOf(second)).toEqual([{ kind: 'stop' }]);
        await move(second, 'stopped');
        expect(await reasonOf(third)).toBe(`waits for its turn, behind run ${first} (serial_wait)`);
        expect(await commandsOf(third)).toEqual([]);
        await move(first, 'succeeded');
        expect(await commandsOf(third)).toEqual([{ kind: 'start' }]);
      });

      test('waiting runs are nobody’s: they are not adopted, and a start that was given survives a crash', async () => {
        const [first, second, third] = [
          await submit('serial_wait'),
          await submit('serial_wait'),
          await submit('serial_wait'),
        ];
        await restart();
        expect(await store.adoptRuns(fence, null, 10)).toEqual([]);
        expect(await commandsOf(first)).toEqual([{ kind: 'start' }]);
        await move(first, 'succeeded');
        await restart();
        expect(await store.adoptRuns(fence, null, 10)).toEqual([]);
        expect(await commandsOf(second)).toEqual([{ kind: 'start' }]);
        expect(await commandsOf(third)).toEqual([]);
      });

      test('another workflow is not waited for', async () => {
        await store.saveWorkflow(saveOf({ name: 'hourly' }));
        await submit('serial_wait', { workflow: 'hourly' });
        expect(await stateOf(await submit('serial_wait'))).toBe('queued');
      });

      test('a key gives the waiting run again, and no second one', async () => {
        await submit('serial_wait');
        const once = await store.submitRun(newRun({ concurrency: 'serial_wait', idempotencyKey: 'k' }));
        const again = await store.submitRun(newRun({ concurrency: 'serial_wait', idempotencyKey: 'k' }));
        expect(again).toEqual({ ...once, repeated: true });
        expect(await stateOf(once.run.id)).toBe('waiting');
        expect((await store.listRuns({}, 0, 10)).total).toBe(2);
      });

      test('many submitted at once: one starts, the others stand in the order of their ids', async () => {
        const runs = await Promise.all(Array.from({ length: 50 }, () => submit('serial_wait')));
        const sorted = runs.toSorted((a, b) => a - b);
        expect(await Promise.all(sorted.map(stateOf))).toEqual(['queued', ...Array<string>(49).fill('waiting')]);
        expect(await Promise.all(sorted.slice(1).map(reasonOf))).toEqual(
          sorted.slice(0, -1).map((behind) => `waits for its turn, behind run ${behind} (serial_wait)`),
        );
      });

      test('an end and a submission at once, again and again: always exactly one is active', async () => {
        let active = await submit('serial_wait');
        for (let round = 0; round < 30; round++) {
          const both = [() => move(active, 'succeeded'), () => submit('serial_wait')];
          await Promise.all((round % 2 === 0 ? both : both.toReversed()).map((act) => act()));
          const rows = (await store.listRuns({ states: ['queued', 'waiting', 'running'] }, 0, 100)).rows;
          expect(rows.map(({ status: { state } }) => state)).toEqual(['queued']);
          active = rows[0]!.spec.id;
          expect(await commandsOf(active)).toEqual([{ kind: 'start' }]);
        }
      });

      test('200 run in order, one at a time', async () => {
        const runs: RunId[] = [];
        while (runs.length < 200)
          runs.push(...(await Promise.all(Array.from({ length: 8 }, () => submit('serial_wait')))));
        const order: RunId[] = [];
        let after = null;
        for (;;) {
          const claimed = await store.claimCommands(fence, after, 10);
          if (claimed.length === 0) break;
          expect(claimed.map(({ action }) => action)).toEqual([{ kind: 'start' }]);
          const [{ run, id }] = claimed as [Command];
          after = id;
          order.push(run);
          await move(run, 'succeeded');
        }
        expect(order).toEqual(runs.toSorted((a, b) => a - b));
      });
    });

    describe('serial_discard', () => {
      test('the newcomer is stored as stopped, with the run that kept it from starting, and nothing is to be done for it', async () => {
        const first = await submit('serial_discard');
        const { run, repeated } = await store.submitRun(newRun({ concurrency: 'serial_discard', idempotencyKey: 'k' }));
        expect(repeated).toBe(false);
        expect((await rowOf(run.id)).status).toEqual({
          run: run.id,
          version: 0,
          state: 'stopped',
          cause: { kind: 'discarded', runId: first },
          firstFailure: null,
          waitReason: null,
          owner: null,
          startedAt: null,
          endedAt: AT,
        });
        expect(await commandsOf(run.id)).toEqual([]);
        expect(await store.submitRun(newRun({ concurrency: 'serial_discard', idempotencyKey: 'k' }))).toMatchObject({
          run: { id: run.id },
          repeated: true,
        });
        await move(first, 'succeeded');
        expect(await commandsOf(run.id)).toEqual([]);
        expect(await stateOf(await submit('serial_discard'))).toBe('queued');
      });

      test('no task of a discarded run is left unfinished', async () => {
        const tasks = ['a', 'b', 'c'].map((name) => taskDefinition(name, { disabled: name === 'c' }));
        await store.saveWorkflow(saveOf({ hash: 'hash-2', definition: definition({ tasks }) }));
        const first = await submit('serial_discard');
        const whole = await submit('serial_discard');
        const part = await submit('serial_discard', { plan: { run: [1], reuse: [] } });
        const tasksOf = async (run: RunId) =>
          (await store.getRunDetail(run))!.tasks.map(({ task, state, cause, endedAt }) => ({
            task,
            state,
            cause,
            endedAt,
          }));
        const discarded = { state: 'killed', cause: { kind: 'discarded', runId: first }, endedAt: AT };
        const disabled = { task: 2, state: 'skipped', cause: { kind: 'disabled' }, endedAt: AT };
        expect(await tasksOf(whole)).toEqual([{ task: 0, ...discarded }, { task: 1, ...discarded }, disabled]);
        expect(await tasksOf(part)).toEqual([
          { task: 0, state: 'skipped', cause: { kind: 'not_selected' }, endedAt: AT },
          { task: 1, ...discarded },
          disabled,
        ]);
      });

      test('many submitted at once: one starts, the others are discarded', async () => {
        const runs = await Promise.all(Array.from({ length: 20 }, () => submit('serial_discard')));
        const states = await Promise.all(runs.toSorted((a, b) => a - b).map(stateOf));
        expect(states).toEqual(['queued', ...Array<string>(19).fill('stopped')]);
      });
    });

    describe('serial_priority', () => {
      test('the running one is told to stop, and the newcomer starts when it has ended', async () => {
        const first = await submit('serial_priority');
        await move(first, 'running');
        await store.commit(fence, []);
        const second = await submit('serial_priority');
        expect(await stateOf(second)).toBe('waiting');
        expect(await reasonOf(second)).toBe(`waits until run ${first} has been stopped (serial_priority)`);
        expect(await commandsOf(first)).toEqual([{ kind: 'start' }, { kind: 'stop', supersededBy: second }]);
        await move(first, 'stopping');
        expect(await commandsOf(second)).toEqual([]);
        await move(first, 'stopped');
        expect(await commandsOf(second)).toEqual([{ kind: 'start' }]);
      });

      test('of several that wait the newest goes next; the older ones are told to stop and never start', async () => {
        const first = await submit('serial_priority');
        await move(first, 'running');
        const older = await submit('serial_priority');
        const newest = await submit('serial_priority');
        expect(await commandsOf(older)).toEqual([{ kind: 'stop', supersededBy: newest }]);
        await move(first, 'stopped');
        expect(await commandsOf(newest)).toEqual([{ kind: 'start' }]);
        expect(await commandsOf(older)).toEqual([{ kind: 'stop', supersededBy: newest }]);
        await move(older, 'stopped');
        await move(newest, 'succeeded');
        expect(await commandsOf(older)).toEqual([{ kind: 'stop', supersededBy: newest }]);
      });

      test('all that were active have to end first', async () => {
        const [a, b] = [await submit('parallel'), await submit('parallel')];
        const newest = await submit('serial_priority');
        await move(b, 'stopped');
        expect(await commandsOf(newest)).toEqual([]);
        expect(await reasonOf(newest)).toBe(`waits until run ${a} has been stopped (serial_priority)`);
        await move(a, 'stopped');
        expect(await commandsOf(newest)).toEqual([{ kind: 'start' }]);
      });

      test('200 newcomers: each waiting one is told to stop once', async () => {
        await submit('serial_priority');
        // Few at once: on a slow machine a store refuses those that would have to wait for long.
        for (let i = 0; i < 25; i++) await Promise.all(Array.from({ length: 8 }, () => submit('serial_priority')));
        const stops = new Map<RunId, number>();
        for (const { run, action } of await store.claimCommands(fence, null, 5000)) {
          if (action.kind === 'stop') stops.set(run, (stops.get(run) ?? 0) + 1);
        }
        const [first, ...waited] = [...stops].toSorted(([a], [b]) => a - b).map(([, count]) => count);
        expect(first).toBe(200);
        expect(waited).toEqual(Array<number>(199).fill(1));
      });
    });

    describe('dry runs take no part', () => {
      test('one starts at once, keeps nobody waiting and is not stopped', async () => {
        const real = await submit('serial_wait');
        const dry = await submit('serial_wait', { dryRun: true });
        expect(await stateOf(dry)).toBe('queued');
        await move(real, 'succeeded');
        expect(await stateOf(await submit('serial_discard'))).toBe('queued');
        await submit('serial_priority');
        expect(await commandsOf(dry)).toEqual([{ kind: 'start' }]);
      });

      test('the end of one passes no turn on', async () => {
        const dry = await submit('serial_wait', { dryRun: true });
        const [, second] = [await submit('serial_wait'), await submit('serial_wait')];
        await move(dry, 'succeeded');
        expect(await commandsOf(second)).toEqual([]);
      });
    });

    describe('children', () => {
      const childOf = async (parent: RunId, n = 1): Promise<RunId | null> => {
        const rows = (await store.listRuns({ workflow: 'nested' }, 0, 1000)).rows;
        return rows.find(({ spec }) => spec.parent?.run === parent && spec.parent.attempt === n)?.spec.id ?? null;
      };
      const startChild = async (parent: RunId, n = 1) => {
        const nested = (await store.getWorkflow('sales', 'nested'))!;
        const { idempotencyKey: _key, requestHash: _hash, tasks: _tasks, parent: _parent, ...rest } = newRun();
        await store.commit(fence, [
          {
            kind: 'start-child',
            parent: { run: parent, task: 0, attempt: n },
            // The parent's policy came along, as the rest of its occasion does.
            child: {
              ...rest,
              projectId: nested.projectId,
              workflowId: nested.id,
              workflow: 'nested',
              workflowVersion: 1,
              concurrency: 'parallel',
            },
          },
        ]);
        return (await childOf(parent, n))!;
      };
      const withNested = (concurrency: ConcurrencyPolicy) =>
        store.saveWorkflow(saveOf({ name: 'nested', definition: definition({ name: 'nested', concurrency }) }));

      test('take turns as their own workflow says, whatever the parent was asked', async () => {
        await withNested('serial_wait');
        const [one, other] = [await submit(), await submit()];
        const first = await startChild(one);
        const second = await startChild(other);
        expect([await stateOf(first), await stateOf(second)]).toEqual(['queued', 'waiting']);
        await move(first, 'succeeded');
        expect(await commandsOf(second)).toEqual([{ kind: 'start' }]);
      });

      test('one that is discarded tells its parent in the same transaction', async () => {
        await withNested('serial_discard');
        const [one, other] = [await submit(), await submit()];
        await startChild(one);
        const second = await startChild(other);
        expect(await stateOf(second)).toBe('stopped');
        expect(await commandsOf(other)).toEqual([
          { kind: 'start' },
          { kind: 'child-finished', task: 0, attempt: 1, child: second, state: 'stopped' },
        ]);
      });

      test('one whose ancestor is of the same workflow does not wait for it', async () => {
        await withNested('serial_wait');
        const top = await submit(undefined, { workflow: 'nested' });
        const middle = await submit(undefined, { parent: { run: top, task: 0, attempt: 1 } });
        expect(await stateOf(await startChild(middle))).toBe('queued');
      });
    });

    test('any policies, in any order of submissions, ends, stops and restarts: no two at once, nobody forgotten', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const name = `w${Math.random()}`;
          await store.saveWorkflow(saveOf({ name }));
          for (const [i, { act, at }] of steps.entries()) {
            if (act === 'restart') {
              if (i % 4 === 0) await restart();
              continue;
            }
            if (act !== 'end' && act !== 'obey') await submit(act, { workflow: name });
            else await progress(name, act, at);
            await checkLine(name);
          }
          for (let i = 0; i < 200 && (await checkLine(name)) > 0; i++) await progress(name, i % 2 ? 'end' : 'obey', i);
          expect(await checkLine(name)).toBe(0);
        }),
        { numRuns: histories },
      );
    });

    /** A master at work: obeys one command, or one of its running runs comes to its end. */
    const progress = async (workflow: string, act: 'end' | 'obey', at: number) => {
      const live = await lineOf(workflow);
      const own = new Set(live.map(({ spec }) => spec.id));
      if (act === 'end') {
        const running = live.filter(({ status: { state } }) => state === 'running');
        if (running.length > 0) await move(running[at % running.length]!.spec.id, 'succeeded');
        return;
      }
      const commands = (await store.claimCommands(fence, null, 5000)).filter(({ run }) => own.has(run));
      const command = commands[0];
      if (!command) return;
      await store.commit(fence, [{ kind: 'command-done', command: command.id, outcome: { kind: 'applied' }, at: AT }]);
      await move(command.run, command.action.kind === 'start' ? 'running' : 'stopped');
    };
    const lineOf = async (workflow: string) =>
      (await store.listRuns({ workflow, states: ['queued', 'waiting', 'running', 'stopping'] }, 0, 1000)).rows;
    /** Answers with how many have not ended. */
    const checkLine = async (workflow: string): Promise<number> => {
      const live = await lineOf(workflow);
      const active = live.filter(({ status: { state } }) => state !== 'waiting');
      expect(active.length).toBeLessThanOrEqual(1);
      const stopping = new Set(
        (await store.claimCommands(fence, null, 5000))
          .filter(({ action }) => action.kind === 'stop')
          .map(({ run }) => run),
      );
      const waiting = live.filter(({ spec, status: { state } }) => state === 'waiting' && !stopping.has(spec.id));
      if (waiting.length > 0) expect(active).toHaveLength(1);
      return live.length;
    };
  });
}

const step = fc.record({
  act: fc.constantFrom(
    'serial_wait',
    'serial_wait',
    'serial_discard',
    'serial_priority',
    'end',
    'end',
    'obey',
    'obey',
    'obey',
    'restart',
  ),
  at: fc.nat(20),
} as const) as fc.Arbitrary<{ act: Exclude<ConcurrencyPolicy, 'parallel'> | 'end' | 'obey' | 'restart'; at: number }>;
