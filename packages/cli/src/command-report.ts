/** What became of a command about a run, as its master says; or that none has answered yet. */
import type { CommandAccepted } from '@pelorus/protocol';
import { writeItem } from './output.ts';
import type { Session } from './session.ts';

/** How long commands wait for the master's word. */
export const OUTCOME_WAIT_MS = 5_000;

/** `done` is the sentence once it is applied; `asked` the one while no master has come to it. */
export function reportCommand(
  session: Session,
  accepted: CommandAccepted,
  { done, asked }: { done: string; asked: string },
): void {
  writeItem(session.terminal.out, session.format, {
    value: accepted,
    name: String(accepted.run),
    text: () => (accepted.outcome === 'applied' ? `${done}\n` : `${asked}; no master has come to it yet\n`),
  });
}
