/** Asking a person for a password, without showing it; or taking it from standard input. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { usageFailure } from './failure.ts';
import type { Session } from './session.ts';

/** What is typed at a terminal, shown or not. Rejects when it is interrupted. */
async function ask(session: Session, question: string, shown: boolean): Promise<string> {
  if (!process.stdin.isTTY) throw usageFailure(`there is no terminal to ask for: ${question.replace(/: $/, '')}`);
  const output = shown ? process.stderr : new Writable({ write: (_chunk, _encoding, done) => done() });
  // From here on the terminal is in raw mode and shows nothing by itself: only now may somebody be asked to type.
  const prompt = createInterface({ input: process.stdin, output, terminal: true });
  try {
    if (!shown) process.stderr.write(question);
    return await prompt.question(shown ? question : '', { signal: session.signal });
  } finally {
    prompt.close();
    if (!shown) process.stderr.write('\n');
  }
}

export function askName(session: Session): Promise<string> {
  return ask(session, 'Name or e-mail address: ', true);
}

/** From the terminal; with `fromStdin` the first line of standard input. */
export async function askPassword(session: Session, question: string, fromStdin: boolean): Promise<string> {
  if (!fromStdin) return ask(session, `${question}: `, false);
  const [line = ''] = (await session.host.readStdin()).split(/\r?\n/, 1);
  if (line === '') throw usageFailure('standard input holds no password');
  return line;
}

/** Asked for twice at a terminal. */
export async function askNewPassword(session: Session, fromStdin: boolean): Promise<string> {
  const first = await askPassword(session, 'New password (12 characters or more)', fromStdin);
  if (!fromStdin && first !== (await askPassword(session, 'New password again', false)))
    throw usageFailure('the two passwords differ');
  return first;
}
