/** What happens to runs when the process ends, well or badly. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { crashRound, isClean } from './crash-round.ts';
import { linesOf, newPlace, processesOf, until, type Place } from './dev-process.ts';

/** Side by side, each in a place of its own, for most of the time is waiting. */
const inPlace = test.extend<{ place: Place }>({
  place: async ({ task: _task }, use) => {
    const place = await newPlace();
    await use(place);
    await place.clear();
  },
});

describe.concurrent('Ctrl-C', () => {
  inPlace('ends the process in good order; after a start the history is there', async ({ place }) => {
    const first = await place.dev();
    await place.pelorus('run', 'hello', '--wait', '-p', 'name=before');
    first.signal('SIGINT');
    expect(await first.ended).toBe(0);
    expect(existsSync(join(place.data, 'server.json'))).toBe(false);

    await place.dev();
    const { stdout } = await place.pelorus('runs', 'list', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject([{ workflow: 'hello', state: 'succeeded', params: { name: 'before' } }]);
    expect((await place.pelorus('logs', '@latest')).stdout).toBe('greet | hello, before\n');
  });

  inPlace('lets a running task finish and keeps its result', async ({ place }) => {
    const first = await place.dev();
    const marks = join(place.directory, 'marks');
    writeFileSync(
      join(place.directory, 'slow.yaml'),
      `name: slow\ntasks:\n  nap: { run: "echo begun >> ${marks}; ${untilLetGo(place)}; echo rested=yes >> $PELORUS_OUTPUT" }\n`,
    );
    await place.pelorus('run', 'slow.yaml');
    await until(
      () => linesOf(marks).length === 1,
      () => 'the task has not begun',
    );
    // As it is when the terminal and npm both pass one key on.
    first.signal('SIGINT');
    first.signal('SIGINT');
    await until(
      () => first.stderr().includes('waiting up to 10 s for 1 running task'),
      () => first.stderr(),
    );
    letGo(place);
    expect(await first.ended).toBe(0);

    await place.dev();
    const { stdout } = await place.pelorus('runs', 'get', '@latest', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      state: 'succeeded',
      tasks: [{ state: 'succeeded', outputs: { rested: 'yes' }, attempts: [{ n: 1 }] }],
    });
  });

  inPlace('leaves a task that takes longer to the supervisor; the next start takes it over', async ({ place }) => {
    const first = await place.dev();
    const marks = join(place.directory, 'marks');
    const script = `echo begun >> ${marks}; ${untilLetGo(place)}; echo rested=yes >> $PELORUS_OUTPUT`;
    writeFileSync(
      join(place.directory, 'long.yaml'),
      `name: long\ntasks:\n  nap: { run: "${script}", executionLease: 1h }\n`,
    );
    await place.pelorus('run', 'long.yaml');
    await until(
      () => linesOf(marks).length === 1,
      () => 'the task has not begun',
    );
    first.signal('SIGINT');
    expect(await first.ended).toBe(0);
    expect(first.stderr()).toContain('1 task still running: the supervisor');

    await place.dev();
    letGo(place);
    expect((await place.pelorus('runs', 'watch', '1')).code).toBe(0);
    const { stdout } = await place.pelorus('runs', 'get', '1', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      tasks: [{ outputs: { rested: 'yes' }, attempts: [{ n: 1, state: 'succeeded' }] }],
    });
    expect(linesOf(marks)).toEqual(['begun']);
  });

  inPlace('a second time ends the process at once, and loses nothing', async ({ place }) => {
    const first = await place.dev();
    writeFileSync(join(place.directory, 'long.yaml'), 'name: long\ntasks:\n  nap: { run: sleep 1000 }\n');
    await place.pelorus('run', 'long.yaml');
    await until(
      async () => (await first.client.runs.get(1)).counts.running === 1,
      () => 'nothing runs',
    );
    let code: number | NodeJS.Signals | null = null;
    void first.ended.then((ended) => (code = ended));
    const pressUntilItEnds = (): boolean => {
      if (code === null) first.signal('SIGINT');
      return code !== null;
    };
    await until(pressUntilItEnds, () => 'the process goes on');
    // Had it waited for the task, it would have ended with 0.
    expect(code).toBe(130);

    const second = await place.dev();
    expect(await second.client.runs.get(1)).toMatchObject({ state: 'running' });
    expect((await place.pelorus('runs', 'stop', '1', '--wait')).code).toBe(0);
  });

  inPlace('in a watching command leaves the run alone', async ({ place }) => {
    await place.dev();
    writeFileSync(join(place.directory, 'slow.yaml'), 'name: slow\ntasks:\n  nap: { run: sleep 1000 }\n');
    const watching = place.interruptible('run', 'slow.yaml', '--watch');
    await until(
      () => watching.stdout().includes('running'),
      () => `nothing runs: ${watching.stdout()}`,
    );
    watching.signal('SIGINT');
    expect(await watching.ended).toBe(130);
    expect(watching.stderr()).toContain('pelorus runs stop 1');
    expect(JSON.parse((await place.pelorus('runs', 'get', '1', '-o', 'json')).stdout)).toMatchObject({
      state: 'running',
    });
    expect((await place.pelorus('runs', 'stop', '1', '--wait')).code).toBe(0);
  });
});

describe.concurrent('kill -9 in the middle of fan-out', () => {
  inPlace.for([
    { killAfter: 1, seconds: 2 },
    { killAfter: 60, seconds: 2 },
    // Near the end of what can begin at once: who sees that late must still come in time.
    { killAfter: 150, seconds: 4 },
  ])(
    'after $killAfter tasks have begun: the run succeeds, each task is executed once',
    async ({ killAfter, seconds }, { place }) => {
      const round = await crashRound({ place, round: 1, seconds, killAfter });
      expect(round).toMatchObject({ state: 'succeeded', executions: 202, executedTasks: 202 });
      expect(isClean(round)).toBe(true);
      expect(round.begunAtKill).toBeLessThan(202);
    },
  );
});

describe.concurrent('stopping a run', () => {
  inPlace('leaves no process of it, not even one in a session of its own', async ({ place }) => {
    await place.dev();
    const pids = join(place.directory, 'pids');
    const script = `setsid sleep 1000 & echo $! >> ${pids}; (setsid sh -c "echo \\$\\$ >> ${pids}; exec sleep 1000" &) ; echo $$ >> ${pids}; sleep 1000`;
    writeFileSync(join(place.directory, 'stray.yaml'), `name: stray\ntasks:\n  spawn:\n    run: |\n      ${script}\n`);
    await place.pelorus('run', 'stray.yaml');
    await until(
      () => linesOf(pids).length === 3,
      () => 'the processes have not started',
    );
    expect(sleepers(place)).not.toEqual([]);

    const { code, stdout } = await place.pelorus('runs', 'stop', '@latest', '--wait', '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'stopped' });
    expect(sleepers(place)).toEqual([]);
  });
});

describe.concurrent('starting', () => {
  inPlace('takes the next free port when the wanted one is taken, and the commands find it', async ({ place }) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const dev = await place.dev('--port', String(port));
    expect(dev.stdout()).toContain(`Port ${port} is taken; listening on ${new URL(dev.address).port} instead`);
    expect((await place.pelorus('runs', 'list')).code).toBe(0);
    other.close();
  });

  inPlace(
    'with a folder: applies its definitions, and again what changes; shows what is wrong by line and column',
    async ({ place }) => {
      const folder = join(place.directory, 'flows');
      const definition = (word: string) => `name: say\nproject: watched\ntasks:\n  a: { run: echo ${word} }\n`;
      mkdirSync(folder);
      writeFileSync(join(folder, 'say.yaml'), definition('one'));
      const dev = await place.dev('flows', '--no-samples');
      const version = async () =>
        (
          JSON.parse((await place.pelorus('workflow', 'list', '-o', 'json')).stdout) as {
            name: string;
            version: number;
          }[]
        ).map((one) => `${one.name}@${one.version}`);
      await until(
        async () => (await version()).join() === 'say@1',
        () => `not applied\n${dev.stderr()}`,
      );
      writeFileSync(join(folder, 'say.yaml'), definition('two'));
      await until(
        async () => (await version()).join() === 'say@2',
        () => `the change was not applied\n${dev.stderr()}`,
      );
      writeFileSync(join(folder, 'bad.yaml'), 'name: bad\ntasks:\n  a: { run: echo, needs: [b] }\n');
      await until(
        () => dev.stderr().includes('flows/bad.yaml:3:'),
        () => `the fault was not shown\n${dev.stderr()}`,
      );
      expect(await version()).toEqual(['say@2']);
    },
  );

  inPlace('--reset --yes begins anew', async ({ place }) => {
    const first = await place.dev();
    await place.pelorus('run', 'hello', '--wait');
    first.signal('SIGINT');
    await first.ended;
    writeFileSync(join(place.data, 'mine.txt'), 'not of Pelorus');
    await place.dev('--reset', '--yes');
    expect(JSON.parse((await place.pelorus('runs', 'list', '-o', 'json')).stdout)).toEqual([]);
    expect(existsSync(join(place.data, 'mine.txt'))).toBe(true);
  });
});

/** What a task says to wait for {@link letGo}. */
function untilLetGo({ directory }: Place): string {
  return `while [ ! -e ${join(directory, 'go')} ]; do sleep 0.05; done`;
}

function letGo({ directory }: Place): void {
  writeFileSync(join(directory, 'go'), '');
}

function sleepers({ directory }: Place): string[] {
  return processesOf(directory).filter((line) => line.includes('sleep 1000'));
}
