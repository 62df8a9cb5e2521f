/** The flags of commands that can wait for a run. */
import { Option, type Command } from 'commander';
import { durationFlag } from './session.ts';
import type { WatchOptions } from './watch-run.ts';

export interface WaitFlags {
  watch?: boolean;
  wait?: boolean;
  detach?: boolean;
  timeout?: string;
}

/** --watch, --wait, --detach and how long. */
export function waitFlags(command: Command): Command {
  return command
    .addOption(new Option('-w, --watch', 'show it until it ends').conflicts(['wait', 'detach']))
    .addOption(new Option('--wait', 'wait silently until it ends, then show the result').conflicts(['detach']))
    .option('--detach', 'return at once (default)')
    .option('--timeout <duration>', 'give up waiting after this long (exit code 8)');
}

export function watchOptionsOf(flags: WaitFlags): WatchOptions {
  return {
    quiet: flags.watch !== true,
    timeoutMs: flags.timeout === undefined ? null : durationFlag('--timeout', flags.timeout),
  };
}
