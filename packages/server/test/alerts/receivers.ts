/** A mail server and a webhook receiver, real ones on loopback, that keep what they get. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export interface Mail {
  from: string;
  to: string[];
  /** Headers and body as they came, line ends as `\n`. */
  text: string;
}

export interface MailServer {
  url: string;
  mails: Mail[];
  /** What it answers to an address; null accepts. */
  refuse: (address: string) => { code: number; text: string } | null;
  close(): Promise<void>;
}

export async function mailServer(): Promise<MailServer> {
  const mails: Mail[] = [];
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: ({ address }, _session, callback) => {
      const refusal = server.refuse(address);
      if (refusal) callback(Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
      else callback();
    },
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString('utf8').replaceAll('\r\n', '\n'),
        });
        callback();
      });
    },
  });
  smtp.listen(0, '127.0.0.1');
  await once(smtp.server, 'listening');
  const server: MailServer = {
    url: `smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
    mails,
    refuse: () => null,
    close: () => new Promise((resolve) => smtp.close(() => resolve())),
  };
  return server;
}

export interface Hook {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface WebhookReceiver {
  url: string;
  hooks: Hook[];
  /** How it answers. Default 204. */
  answer: (hook: Hook, response: ServerResponse) => void;
  close(): Promise<void>;
}

export async function webhookReceiver(): Promise<WebhookReceiver> {
  const hooks: Hook[] = [];
  const http = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const hook = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
      hooks.push(hook);
      receiver.answer(hook, response);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    hooks,
    answer: (_hook, response) => void response.writeHead(204).end(),
    close: () =>
      new Promise((resolve) => {
        http.closeAllConnections();
        http.close(() => resolve());
      }),
  };
  return receiver;
}
