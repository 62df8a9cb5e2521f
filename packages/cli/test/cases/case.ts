/**
 * A case: a workflow, what is done to its run, and the states in which everything must end, told through the HTTP API of a
 * running `pelorus dev`. Nothing sleeps: a task that has to run "for a while" waits until the case opens its gate.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunRequest, RunView, TaskView } from '@pelorus/protocol';
import { isTerminalRun } from '@pelorus/protocol';
import { ApiError, type Client } from '@pelorus/sdk';

/**
 * In texts: `{gate}` and `{gate x}` wait until the case opens it, `{mark x}` adds the line x to the marks, `{dir}` is the folder of the
 * case and `{w}` the name of its workflow.
 */
export interface Case {
  name: string;
  /** The definition without its name. */
  yaml: string;
  /** Further workflows, saved before: the end of their name → definition; `{w}-x` is what they are called. */
  others?: Record<string, string>;
  start?: Partial<RunRequest>;
  /** What is done while the run goes on; then its end is awaited. */
  act?: (run: CaseRun) => Promise<void>;
  /** `state/cause: task state/cause ×attempts, …`: how the run ends. Absent where it is refused. */
  ends?: string;
  /** What else must hold then. */
  also?: (run: CaseRun) => Promise<void>;
  /** The message with which saving is refused. */
  refusedSave?: RegExp;
  /** The message with which the start is refused. */
  refusedStart?: RegExp;
  /** A mistake of the product that is known: the case must fail until it is mended. */
  open?: string;
}

export const PROJECT = 'cases';
/** A command is answered when it has been carried out. */
export const CARRIED_OUT = { waitMs: 30_000 };
const WAIT_MS = 120_000;
const POLL_MS = 60;

export class CaseRun {
  /** Of the process that runs now. */
  client: Client;
  readonly workflow: string;
  /** Of all its runs, if it does not say otherwise: what asks for those of today finds them at midnight too. */
  readonly logicalDate = new Date().toISOString();
  readonly #dir: string;
  /** Of the run that the case starts first. */
  id = 0;

  constructor(client: Client, workflow: string, root: string) {
    this.client = client;
    this.workflow = workflow;
    this.#dir = join(root, workflow);
    mkdirSync(this.#dir, { recursive: true });
  }

  async save(yaml: string, name = this.workflow): Promise<void> {
    await this.client.workflows.save(PROJECT, name, { source: this.#filled(yaml), format: 'yaml' });
  }

  async start(request: Partial<RunRequest> = {}): Promise<number> {
    const { workflow, logicalDate } = this;
    const { id } = await this.client.runs.submit({ project: PROJECT, workflow, logicalDate, ...request });
    return id;
  }

  /** The end of a run, in one line. */
  async ended(id = this.id): Promise<string> {
    await this.untilRun(id, (run) => isTerminalRun(run.state));
    return this.text(id);
  }

  /** `state/cause: task state/cause ×attempts, …`. */
  async text(id = this.id): Promise<string> {
    const [run, { items }] = await Promise.all([this.client.runs.get(id), this.client.runs.tasks(id)]);
    return `${runText(run)}: ${items.map(taskText).join(', ')}`;
  }

  /** Looks again and again until what is seen will do. */
  async until<Seen>(look: () => Promise<Seen> | Seen, holds: (seen: Seen) => boolean): Promise<Seen> {
    for (const endsAt = Date.now() + WAIT_MS; ; await pause(POLL_MS)) {
      const seen = await look();
      if (holds(seen)) return seen;
      if (Date.now() > endsAt) throw new Error(`it stays ${JSON.stringify(seen)} in ${await this.text()}`);
    }
  }

  async untilRun(id: number, holds: (run: RunView) => boolean): Promise<RunView> {
    return this.until(
      () => this.client.runs.get(id),
      (run) => {
        if (!holds(run) && isTerminalRun(run.state)) throw new Error(`run ${id} is ${runText(run)}`);
        return holds(run);
      },
    );
  }

  async untilState(state: RunView['state'], id = this.id): Promise<RunView> {
    return this.untilRun(id, (run) => run.state === state);
  }

  /** Waits until the task is in that state. */
  async untilTask(name: string, state: TaskView['state'], id = this.id): Promise<TaskView> {
    return this.until(
      () => this.task(name, id),
      (task) => task.state === state,
    );
  }

  /** Waits until the task says for what it waits. */
  async untilReason(name: string, reason: RegExp, id = this.id): Promise<TaskView> {
    return this.until(
      () => this.task(name, id),
      ({ waitReason }) => reason.test(waitReason ?? ''),
    );
  }

  /** Waits until the task's script is at work: it has made its mark. */
  async untilMark(mark: string, times = 1): Promise<void> {
    await this.until(
      () => this.marks(),
      (marks) => marks.filter((one) => one === mark).length >= times,
    );
  }

  async task(name: string, id = this.id): Promise<TaskView> {
    const { items } = await this.client.runs.tasks(id);
    const found = items.find((task) => task.name === name);
    if (found === undefined) throw new Error(`run ${id} has no task ${name}`);
    return found;
  }

  /** The run that a `sub_workflow` task has started. */
  async child(task: string, id = this.id): Promise<number> {
    const { childRun } = await this.until(
      () => this.task(task, id),
      (found) => found.childRun !== null,
    );
    return childRun!;
  }

  async log(task: string, id = this.id): Promise<string[]> {
    const attempt = (await this.task(task, id)).attempts.at(-1);
    return attempt === undefined ? [] : (await this.client.attempts.logs(attempt.id)).content;
  }

  open(gate = 'go'): void {
    writeFileSync(join(this.#dir, gate), '');
  }

  marks(): string[] {
    const file = join(this.#dir, 'marks');
    return existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [];
  }

  /** Whether the process whose id is in that file of the case still is. */
  process(file: string): 'there' | 'gone' {
    const pid = readFileSync(join(this.#dir, file), 'utf8').trim();
    // Z: it has ended, and whoever inherited it has not yet asked how.
    return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
      ? 'there'
      : 'gone';
  }

  /** Fills in `{gate}` and its like. */
  #filled(yaml: string): string {
    return yaml
      .replaceAll(
        /\{gate(?: (\w+))?\}/g,
        (_, gate: string | undefined) => `until test -e {dir}/${gate ?? 'go'}; do sleep 0.05; done`,
      )
      .replaceAll(/\{mark (\w+)\}/g, (_, mark: string) => `echo ${mark} >> {dir}/marks`)
      .replaceAll('{dir}', this.#dir)
      .replaceAll('{w}', this.workflow);
  }
}

/** Saves, starts, acts and waits; throws what does not come out as the case says. */
export async function play(one: Case, run: CaseRun): Promise<void> {
  for (const [name, yaml] of Object.entries(one.others ?? {})) await run.save(yaml, `${run.workflow}-${name}`);
  if (one.refusedSave !== undefined) return refused(run.save(one.yaml), one.refusedSave);
  await run.save(one.yaml);
  if (one.refusedStart !== undefined) return refused(run.start(one.start), one.refusedStart);
  run.id = await run.start(one.start);
  await one.act?.(run);
  if (one.ends !== undefined) same(await run.ended(), one.ends);
  await one.also?.(run);
}

/** Rejects unless the server refuses, with 4xx and such a message. */
export async function refused(request: Promise<unknown>, message: RegExp): Promise<void> {
  const answer = await request.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(answer instanceof ApiError)) throw new Error(`it was not refused: ${String(answer)}`);
  const told = [answer.message, ...answer.errors.map((one) => one.message)].join('; ');
  if (answer.status >= 500 || !message.test(told)) throw new Error(`${answer.status} ${told}, not ${String(message)}`);
}

export function same(actual: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(actual, null, 1), JSON.stringify(expected, null, 1)];
  if (is !== should) throw new Error(`\n     is ${is}\n should ${should}`);
}

/** Success needs no cause. */
function runText({ state, cause }: RunView): string {
  return cause === null || state === 'succeeded' ? state : `${state}/${cause.kind}`;
}

const PLAIN = new Set(['succeeded', 'reused', 'forced_success']);

function taskText({ name, state, cause, attempts }: TaskView): string {
  const why = cause === null || PLAIN.has(state) ? '' : `/${cause.kind}`;
  return `${name} ${state}${why}${attempts.length > 1 ? ` ×${attempts.length}` : ''}`;
}
