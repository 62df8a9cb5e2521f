/**
 * How the slot shell's word on the end of an attempt is read. It ends in `exit <status>` and a newline; the shell writes anything before that
 * line only when its child died of a signal (`Killed`, `Terminated`, …), so status 137 of a command that chose to
 * exit 137 is told from one that was killed. Shells print nothing for SIGINT and SIGPIPE: those read as codes 130 and 141.
 */
import { constants } from 'node:os';
import type { Cause } from '@pelorus/protocol';

export interface ExitRecord {
  code: number;
  signal: string | null;
}

/** Reads what the shell wrote. Null while it is nothing or incomplete. */
export function parseExit(text: string): ExitRecord | null {
  const match = /(^|\n)exit (\d{1,3})\n$/.exec(text);
  if (!match) return null;
  const code = Number(match[2]);
  const said = text.slice(0, match.index).trim();
  return { code, signal: said !== '' && code > 128 ? signalName(code - 128) : null };
}

/** Why an attempt failed, or null for success. `outOfMemory`: the kernel's count of such kills rose while it ran. */
export function causeOfExit(exit: ExitRecord, outOfMemory: boolean): Cause | null {
  const killed = exit.signal === 'SIGKILL' || exit.code === 128 + constants.signals.SIGKILL;
  if (killed && outOfMemory) return { kind: 'oom' };
  if (exit.signal) return { kind: 'signal', name: exit.signal };
  return exit.code === 0 ? null : { kind: 'exit', code: exit.code };
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
