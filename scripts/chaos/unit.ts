/**
 * One process of the cluster, kept alive as systemd would: one that ends by itself is started again, one that the storm ends stays down
 * until the storm starts it. Signals go to its own pid only.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface UnitOptions {
  name: string;
  command: string[];
  env: Record<string, string>;
  cwd: string;
  logFile: string;
  ids?: { uid: number; gid: number };
}

/** An end that nobody asked for. */
export interface SelfExit {
  unit: string;
  atMs: number;
  code: number | null;
  signal: NodeJS.Signals | null;
}

const RESTART_MS = 1_000;
const SETPRIV = '/usr/bin/setpriv';

export class Unit {
  readonly name: string;
  readonly selfExits: SelfExit[] = [];
  readonly #options: UnitOptions;
  #child: ChildProcess | null = null;
  #isWanted = false;
  #restarting: NodeJS.Timeout | null = null;

  constructor(options: UnitOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Null while it is down. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  start(): void {
    this.#isWanted = true;
    if (this.#restarting) clearTimeout(this.#restarting);
    this.#restarting = null;
    if (this.#child) return;
    const { command, env, cwd, logFile, ids, name } = this.#options;
    const log = openSync(logFile, 'a');
    // It dies with the bed, however that ends.
    const [program, ...args] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', ...command] : command;
    const child = spawn(program!, args, { cwd, env, ...ids, detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    child.on('error', () => undefined);
    child.once('exit', (code, signal) => {
      this.#child = null;
      if (!this.#isWanted) return;
      this.selfExits.push({ unit: name, atMs: Date.now(), code, signal });
      this.#restarting = setTimeout(() => this.start(), RESTART_MS);
    });
  }

  /** False when it is not running. */
  signal(name: NodeJS.Signals): boolean {
    return this.#child?.kill(name) ?? false;
  }

  /** SIGKILL, and it stays down; resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL', 0);
  }

  /** Asks with `signal`, and kills what has not ended after `graceMs`; says whether it went by itself. */
  async end(signal: NodeJS.Signals, graceMs: number): Promise<boolean> {
    return this.#end(signal, graceMs);
  }

  async #end(signal: NodeJS.Signals, graceMs: number): Promise<boolean> {
    this.#isWanted = false;
    if (this.#restarting) clearTimeout(this.#restarting);
    const child = this.#child;
    if (!child) return true;
    const exit = once(child, 'exit').then(() => true);
    child.kill(signal);
    if (signal === 'SIGKILL' || (await Promise.race([exit, pause(graceMs, false, { ref: false })]))) {
      await exit;
      return true;
    }
    child.kill('SIGKILL');
    await exit;
    return false;
  }
}
