/** What commands that make a run do with it: watch it, wait for it, or say its number. */
import type { RunSubmitted } from '@pelorus/protocol';
import { usageFailure } from './failure.ts';
import { writeItem } from './output.ts';
import type { Session } from './session.ts';
import { watchOptionsOf, type WaitFlags } from './wait-flags.ts';
import { watchRun } from './watch-run.ts';
import { causeText } from './words.ts';

/** Before anything is asked of the server. */
export function checkWaitFlags(flags: WaitFlags): void {
  if (flags.timeout !== undefined && flags.watch !== true && flags.wait !== true)
    throw usageFailure('--timeout needs --watch or --wait');
  watchOptionsOf(flags);
}

/** `what` begins the line for people, e.g. `samples/hello run`; `more` is beside the answer in JSON. */
export async function afterSubmit(
  session: Session,
  submitted: RunSubmitted,
  flags: WaitFlags,
  shown: { what: string; more?: object },
): Promise<void> {
  for (const warning of submitted.warnings) session.terminal.err.write(`warning: ${warning}\n`);
  if (flags.watch === true || flags.wait === true) {
    process.exitCode = await watchRun(session, submitted.id, watchOptionsOf(flags));
    return;
  }
  writeItem(session.terminal.out, session.format, {
    value: { ...submitted, ...shown.more },
    name: String(submitted.id),
    text: () => `${shown.what} ${submitted.id} ${stateText(submitted)}\n  watch: pelorus runs watch ${submitted.id}\n`,
  });
}

function stateText({ state, waitReason, cause }: RunSubmitted): string {
  if (state === 'waiting' && waitReason !== null) return `submitted: ${waitReason}`;
  if (state === 'stopped' && cause !== null) return `stopped: ${causeText(cause)}`;
  return 'submitted';
}
