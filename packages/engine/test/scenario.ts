/**
 * Plays a scenario file: a workflow, then commands, each followed by what the engine answered. The answers are in the
 * file; `UPDATE_SCENARIOS=1` writes them anew, and review is reading the diff.
 *
 * Blocks are separated by blank lines; the first holds the workflow as YAML, every other one a command line and the
 * expected answer, indented by two spaces. Lines that begin with `#` are comments. Time stands still but for `advance`.
 */
import {
  type AttemptOutcome,
  type AttemptReport,
  type Cause,
  formatAttemptId,
  parseDefinition,
  parseDuration,
  RUN_STATES,
  runIdOf,
  workerIdOf,
  type WorkerId,
} from '@pelorus/protocol';
import {
  apply,
  type Change,
  type ChildWorkflow,
  type CommandAction,
  decide,
  type Effect,
  type Event,
  openRun,
  type ParentLink,
  type Run,
  type RunSpec,
  stateOf,
  type UpstreamVerdict,
} from '../src/index.ts';

const START_AT = Date.UTC(2024, 2, 15, 13, 45, 0);

export function playScenario(text: string): string {
  const blocks = text.replace(/\n+$/, '').split(/\n{2,}/);
  const scene = new Scene(withoutComments(blocks[0]!));
  const played = blocks.slice(1).map((block) => {
    const lines = block.split('\n').filter((line) => line.startsWith('#') || !line.startsWith('  '));
    const command = lines.findLast((line) => !line.startsWith('#'));
    if (command === undefined) return lines.join('\n');
    return [...lines, ...scene.play(command.trim()).map((line) => `  ${line}`)].join('\n');
  });
  return `${[blocks[0], ...played].join('\n\n')}\n`;
}

function withoutComments(block: string): string {
  return block
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');
}

class Scene {
  private readonly run: Run;
  private now = START_AT;
  private timers: Extract<Effect, { kind: 'timer' }>[] = [];

  constructor(yaml: string) {
    const { definition, problems } = parseDefinition(yaml, 'yaml');
    if (!definition) throw new Error(`bad workflow: ${JSON.stringify(problems)}`);
    this.run = openRun(
      { spec: specOf(definition.name, definition), status: queuedStatus(), tasks: [], attempts: [] },
      { workflow: { workflowId: 1, version: 1, definition, files: [] }, projectParams: {} },
    );
  }

  play(line: string): string[] {
    const [verb, ...words] = line.split(/\s+/);
    switch (verb) {
      case 'start':
      case 'stop':
      case 'pause':
      case 'resume':
        return this.decide(this.command({ kind: verb }));
      case 'kill':
        return this.decide(this.command({ kind: 'kill-task', task: words[0]! }));
      case 'force':
        return this.decide(this.command({ kind: 'force-success', task: words[0]! }));
      case 'place':
        return words.flatMap((task) => this.place(task, workerIdOf('w1')));
      case 'running':
        return words.flatMap((task) =>
          this.report(task, null, (key) => ({ kind: 'running', ...key, startedAt: this.now })),
        );
      case 'succeed':
        return words
          .filter((word) => !word.includes('='))
          .flatMap((task) => this.finish(task, null, this.outcome('succeeded', null, words)));
      case 'fail':
        return this.finish(words[0]!, null, this.outcome('failed', causeOf(words.slice(1)), []));
      case 'killed':
        return this.finish(
          words[0]!,
          null,
          this.outcome('killed', words[1] === undefined ? null : causeOf(words.slice(1)), []),
        );
      case 'late':
        return this.finish(
          words[0]!,
          Number(words[1]),
          this.outcome(words[2] === 'ok' ? 'succeeded' : 'failed', words[2] === 'ok' ? null : causeOf([]), []),
        );
      case 'refuse':
        return this.report(words[0]!, null, (key) => ({ kind: 'no_capacity', ...key, reason: 'full' }));
      case 'tombstone':
        return this.report(words[0]!, null, (key) => ({ kind: 'tombstoned', ...key }));
      case 'lose':
        return this.lose(words[0]!);
      case 'child':
        return this.resolveChild(words[0]!, words[1] === 'found');
      case 'child-finished':
        return this.childFinished(words[0]!, words[1]!, words[2]);
      case 'upstream':
        return this.upstream(words[0]!, words[1]!, words.slice(2).join(' '));
      case 'behind-a-gate':
        this.run.spec.gate = { previous: null, workflows: [{ project: 'p', workflow: 'other', from: 0, to: 1 }] };
        return ['nothing changes'];
      case 'gate':
        return this.gate(words[0]!, words.slice(1).join(' '));
      case 'advance':
        return this.advance(parseDuration(words[0]!)!);
      case 'states':
        return [this.states()];
      default:
        throw new Error(`unknown scenario command: ${line}`);
    }
  }

  private command(action: CommandAction): Event {
    return { kind: 'command', action, user: 'ada', at: this.now };
  }

  private index(task: string): number {
    const index = this.run.graph.indexOf.get(task);
    if (index === undefined) throw new Error(`no task ${task}`);
    return index;
  }

  private place(task: string, worker: WorkerId): string[] {
    return this.decide({ kind: 'placed', task: this.index(task), worker, at: this.now, random: 0 });
  }

  private report(
    task: string,
    n: number | null,
    make: (key: { attempt: ReturnType<typeof formatAttemptId>; sequence: number }) => AttemptReport,
  ): string[] {
    const index = this.index(task);
    const number = n ?? this.run.attempts[index]?.n ?? 0;
    const attempt = formatAttemptId({ run: this.run.spec.id, task: index, n: number });
    return this.decide({
      kind: 'report',
      task: index,
      n: number,
      worker: workerIdOf('w1'),
      at: this.now,
      random: 0,
      report: make({ attempt, sequence: 1 }),
    });
  }

  private finish(task: string, n: number | null, outcome: AttemptOutcome): string[] {
    return this.report(task, n, (key) => ({ kind: 'finished', ...key, outcome }));
  }

  private outcome(state: AttemptOutcome['state'], cause: Cause | null, words: string[]): AttemptOutcome {
    const outputs = Object.fromEntries(
      words.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]),
    );
    return { state, cause, outputs, outputsTruncated: false, startedAt: this.now, endedAt: this.now };
  }

  private lose(task: string): string[] {
    const index = this.index(task);
    const attempt = this.run.attempts[index]!;
    return this.decide({
      kind: 'worker-lost',
      task: index,
      n: attempt.n,
      worker: attempt.worker,
      at: this.now,
      random: 0,
    });
  }

  private resolveChild(task: string, isFound: boolean): string[] {
    const { definition } = this.run;
    const child: ChildWorkflow = isFound
      ? { kind: 'found', projectId: 2, project: 'q', workflowId: 7, workflow: 'child', version: 3, definition }
      : { kind: 'missing', detail: 'there is no workflow child in project p' };
    return this.decide({ kind: 'child-resolved', task: this.index(task), child, at: this.now, random: 0 });
  }

  /** The child of the latest attempt, unless another one is named. */
  private childFinished(task: string, state: string, n: string | undefined): string[] {
    const index = this.index(task);
    const attempt = Number(n ?? this.run.attempts[index]?.n ?? 0);
    const known = RUN_STATES.find((one) => one === state);
    if (known === undefined) throw new Error(`no run state ${state}`);
    return this.decide(this.command({ kind: 'child-finished', task: index, attempt, child: runIdOf(2), state: known }));
  }

  private upstream(task: string, kind: string, detail: string): string[] {
    const index = this.index(task);
    const n = this.run.attempts[index]?.n ?? 0;
    const verdict = verdictOf(kind, detail);
    return this.decide({ kind: 'upstream-checked', task: index, n, verdict, at: this.now, random: 0 });
  }

  private gate(kind: string, detail: string): string[] {
    return this.decide({ kind: 'gate-checked', verdict: verdictOf(kind, detail), at: this.now });
  }

  private advance(ms: number): string[] {
    const until = this.now + ms;
    const lines: string[] = [];
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.timers.splice(this.timers.indexOf(due), 1);
      this.now = Math.max(this.now, due.at);
      const answer = this.decide({ ...due, at: this.now, random: 0 });
      if (answer[0] !== 'nothing changes') lines.push(`${this.clock()} ${due.timer}`, ...answer);
    }
    this.now = until;
    return lines.length > 0 ? lines : ['nothing changes'];
  }

  private clock(): string {
    return `+${(this.now - START_AT) / 1000}s`;
  }

  private decide(event: Event): string[] {
    const before = (task: number) => stateOf(this.run, task);
    const decision = decide(this.run, event);
    if (decision.refusal !== null) return [`refused: ${decision.refusal}`];
    const lines: string[] = [];
    for (const change of decision.changes) {
      const line = this.describeChange(change, before);
      apply(this.run, [change]);
      if (line !== null) lines.push(line);
    }
    for (const effect of decision.effects) lines.push(...this.describeEffect(effect));
    return lines.length > 0 ? lines : ['nothing changes'];
  }

  private describeChange(change: Change, before: (task: number) => string): string | null {
    switch (change.kind) {
      case 'run': {
        const { state, cause, firstFailure } = change.status;
        const first = firstFailure
          ? ` (first failure: ${firstFailure.task}, ${describeCause(firstFailure.cause)})`
          : '';
        return `run ${this.run.status.state} → ${state}${cause ? ` because ${describeCause(cause)}` : ''}${first}`;
      }
      case 'task-run': {
        const { record } = change;
        const outputs = record.outputs ? ` ${JSON.stringify(record.outputs)}` : '';
        const cause = record.cause ? ` because ${describeCause(record.cause)}` : '';
        const wait = before(record.task) === record.state && record.waitReason ? ` (${record.waitReason})` : '';
        return `${this.name(record.task)} ${before(record.task)} → ${record.state}${cause}${outputs}${wait}`;
      }
      case 'attempt': {
        const { task, n, state, kill } = change.record;
        return `attempt ${this.name(task)}#${n} ${state}${kill ? ` to be killed because ${describeCause(kill.cause)}` : ''}`;
      }
      case 'late-result':
        return `attempt ${this.name(change.task)}#${change.n} keeps that it ${change.result.state} after all`;
      case 'start-child': {
        const { project, workflow, workflowVersion, params, depth, logicalDateAt, priority } = change.child;
        const inherited = `depth ${depth}, ${new Date(logicalDateAt).toISOString()}, ${priority}`;
        return `start child of ${this.link(change.parent)}: ${project}/${workflow} version ${workflowVersion} ${JSON.stringify(params)} (${inherited})`;
      }
      case 'child-command':
        return `tell child of ${this.link(change.parent)} to ${change.action.kind}, by ${change.user}`;
      default:
        return null;
    }
  }

  private link({ task, attempt }: ParentLink): string {
    return `${this.name(task)}#${attempt}`;
  }

  private describeEffect(effect: Effect): string[] {
    switch (effect.kind) {
      case 'dispatch':
        return [`send dispatch ${effect.spec.attempt} to ${effect.worker}`];
      case 'kill':
        return [`send kill ${effect.attempt} to ${effect.worker}`];
      case 'notify':
        return [`notify ${effect.subject}${effect.task ? ` ${effect.task}` : ''}`];
      case 'timer':
        this.timers.push(effect);
        return effect.timer === 'run-timeout'
          ? []
          : [`timer ${effect.timer} ${this.name(effect.task)} in ${(effect.at - this.now) / 1000}s`];
      case 'resolve-child':
        return [`ask for the child workflow of ${this.name(effect.task)}`];
      case 'check-upstream':
        return [`ask for the upstream of ${this.name(effect.task)}#${effect.n}`];
      case 'check-gate':
        return ['ask whether it may start'];
      case 'ready':
        return [];
    }
  }

  private name(task: number): string {
    return this.run.graph.tasks[task]?.name ?? 'run';
  }

  private states(): string {
    const tasks = this.run.graph.tasks.map((task, index) => `${task.name}=${stateOf(this.run, index)}`);
    return `run=${this.run.status.state} ${tasks.join(' ')}`;
  }
}

function verdictOf(kind: string, detail: string): UpstreamVerdict {
  if (kind !== 'satisfied' && kind !== 'failed' && kind !== 'waiting') throw new Error(`no verdict ${kind}`);
  return { kind, detail };
}

function causeOf(words: string[]): Cause {
  if (words[0] === 'signal') return { kind: 'signal', name: words[1]! };
  if (words[0] === 'unconfirmed') return { kind: 'kill_unconfirmed', detail: words.slice(1).join(' ') };
  return { kind: 'exit', code: Number(words[0] ?? 1) };
}

function describeCause(cause: Cause): string {
  if (cause.kind === 'chose') return `chose ${listed(cause.taken)}, not ${listed(cause.untaken)}`;
  const { kind, ...rest } = cause;
  const detail = Object.values(rest).join(' ');
  return detail === '' ? kind : `${kind} ${detail}`;
}

function listed(names: string[]): string {
  return names.length > 0 ? names.join(' ') : 'none';
}

function queuedStatus() {
  return {
    run: runIdOf(1),
    version: 0,
    state: 'queued' as const,
    cause: null,
    firstFailure: null,
    waitReason: null,
    owner: null,
    startedAt: null,
    endedAt: null,
  };
}

function specOf(workflow: string, definition: NonNullable<ReturnType<typeof parseDefinition>['definition']>): RunSpec {
  return {
    id: runIdOf(1),
    projectId: 1,
    project: 'p',
    workflowId: 1,
    workflow,
    workflowVersion: 1,
    execType: 'DIRECT',
    mode: 'whole',
    plan: planOf(definition),
    rerunOf: null,
    parent: null,
    ...(definition.labels['depth'] === undefined ? {} : { depth: Number(definition.labels['depth']) }),
    submitUser: 'ada',
    proxyUser: null,
    queue: null,
    failurePolicy: definition.failurePolicy,
    priority: 'medium',
    timeoutMs: definition.timeout.afterMs,
    timeoutAction: definition.timeout.action,
    workerGroup: null,
    environment: null,
    dryRun: definition.labels['dryRun'] === 'true',
    params: {},
    logicalDateAt: START_AT,
    zone: 'UTC',
    submittedAt: START_AT,
    notifyType: 'NONE',
    notifyMails: [],
    extras: null,
  };
}

/** Labels of a scenario's workflow: `selected: a,b` picks tasks; `dryRun: "true"`; `depth: "16"` is that of the run. */
function planOf(definition: NonNullable<ReturnType<typeof parseDefinition>['definition']>): RunSpec['plan'] {
  const selected = definition.labels['selected'];
  if (!selected) return { run: 'all', reuse: [] };
  const names = selected.split(',');
  return { run: definition.tasks.flatMap((task, index) => (names.includes(task.name) ? [index] : [])), reuse: [] };
}
