/**
 * The guardian: one small shell beside the supervisor, which waits for its end and starts the next one when that end was not meant
 * (killed, out of memory) and no agent has done so first. So deadlines are kept though agent and supervisor have died together: the
 * next supervisor finds in journal and lease what runs and until when. It watches a pipe, and costs nothing while it waits.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An agent that lives has noticed by then. */
const PAUSE_S = 1;
const AGAIN_MS = 1_000;

/**
 * What it needs comes in its environment, the command to start as its arguments. The file says who is the supervisor: an end that was
 * meant removes it, and a successor writes itself into it.
 */
const SCRIPT = `
trap '' TERM HUP INT
IFS= read -r word
[ "$word" = over ] && exit
sleep ${PAUSE_S}
[ "$(cat "$GUARDIAN_FILE" 2>/dev/null)" = "$GUARDIAN_OF" ] && exec "$@" "$GUARDIAN_ARGUMENT"
`;

export class Guardian {
  readonly #file: string;
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | null = null;
  #isOver = false;

  /** `argument` is what this program was started with. */
  constructor(dataDir: string, argument: string) {
    this.#file = join(dataDir, 'supervisor.pid');
    const given = { GUARDIAN_FILE: this.#file, GUARDIAN_OF: String(process.pid), GUARDIAN_ARGUMENT: argument };
    this.#environment = { ...process.env, ...given };
  }

  start(): void {
    try {
      writeFileSync(this.#file, `${process.pid}\n`, { mode: 0o600 });
    } catch {
      // A full disk must not keep it from its attempts; it goes without a guardian then.
      return;
    }
    this.#spawn();
  }

  /** This supervisor ends because it is to. */
  dismiss(): void {
    this.#isOver = true;
    rmSync(this.#file, { force: true });
    this.#child?.stdin?.end('over\n');
  }

  #spawn(): void {
    if (this.#isOver) return;
    const command = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'pelorus-guardian', ...command], {
      detached: true,
      cwd: '/',
      env: this.#environment,
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    this.#child.stdin?.on('error', () => {});
    this.#child.on('error', () => this.#again());
    this.#child.on('exit', () => this.#again());
  }

  #again(): void {
    if (this.#child === null) return;
    this.#child = null;
    setTimeout(() => this.#spawn(), AGAIN_MS).unref();
  }
}
