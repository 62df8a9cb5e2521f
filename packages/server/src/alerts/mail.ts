/** Alerts by e-mail, through an SMTP server that somebody else runs. */
import type { AlertMessage } from './alert-message.ts';
import type { DeliveryOptions, DeliveryOutcome, Try } from './deliver.ts';

/** One address, nothing that a mail header would read as more than that. */
const ADDRESS = /^[^\s@<>()[\],;:"\\]+@[^\s@<>()[\],;:"\\]+$/u;

function isMailAddress(text: string): boolean {
  return text.length <= 320 && ADDRESS.test(text);
}

/** What is wrong with the address of a mail server, for people; null: nothing. */
export function problemOfSmtp(smtp: string): string | null {
  const protocol = URL.parse(smtp)?.protocol;
  return protocol === 'smtp:' || protocol === 'smtps:' ? null : 'a mail server is given as smtp://… or smtps://…';
}

export async function sendMail(
  address: string,
  message: AlertMessage,
  { smtp, from, timeLimitMs }: Pick<DeliveryOptions, 'smtp' | 'from' | 'timeLimitMs'>,
  { signal }: Try,
): Promise<DeliveryOutcome> {
  if (smtp === null) return { kind: 'failed', result: 'no mail server is configured' };
  if (!isMailAddress(address)) return { kind: 'failed', result: `not an e-mail address: ${address}` };
  let transport: Awaited<ReturnType<typeof transportTo>> | undefined;
  try {
    transport = await transportTo(smtp, timeLimitMs ?? PHASE_MS);
    const sending = transport.sendMail({
      from,
      to: { name: '', address },
      subject: message.subject,
      text: message.text,
      messageId: messageIdOf(message.id, from),
      headers: { 'Auto-Submitted': 'auto-generated', 'X-Pelorus-Alert': message.id },
    });
    const sent = await untilAborted(signal, sending);
    return { kind: 'sent', result: sent.response };
  } catch (error) {
    return outcomeOf(error);
  } finally {
    transport?.close();
  }
}

/** For each of connecting, greeting and any silence after. */
const PHASE_MS = 10_000;

async function transportTo(smtp: string, phaseMs: number) {
  // Loaded with the first mail: most installations send none.
  const { createTransport } = await import('nodemailer');
  return createTransport({
    url: smtp,
    connectionTimeout: phaseMs,
    greetingTimeout: phaseMs,
    socketTimeout: phaseMs,
    // Texts come from workflows: none of them may make the server read files or addresses.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}

/** The same in every try: mail servers and readers drop the second. */
function messageIdOf(id: string, from: string): string {
  const domain = /@([\w.-]+)/.exec(from)?.[1] ?? 'pelorus.invalid';
  return `<${encodeURIComponent(id).replaceAll('%', '=')}@${domain}>`;
}

/** SMTP has no way to call a mail back; what is given up may still arrive. */
async function untilAborted<T>(signal: AbortSignal, sending: Promise<T>): Promise<T> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new Error('given up'));
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([sending, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** A 5xx answer to the address or to the message is final; everything else may be better next time. */
function outcomeOf(error: unknown): DeliveryOutcome {
  const result = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : 0;
  const about = error instanceof Error && 'code' in error ? String(error.code) : '';
  const final = code >= 500 && (about === 'EENVELOPE' || about === 'EMESSAGE');
  return final ? { kind: 'failed', result } : { kind: 'retry', result, notBeforeMs: 0 };
}
