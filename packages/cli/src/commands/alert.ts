import type { AlertChannelBody, AlertChannelView, AlertEventName, AlertView } from '@pelorus/protocol';
import { Option, type Command } from 'commander';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import { writeItem, writeListing, type Column } from '../output.ts';
import { resolveRun } from '../references.ts';
import { collectList, openSession, relativeTo, wholeNumber, type Host, type Session } from '../session.ts';
import { instantText, type Tone } from '../words.ts';

const EVENTS: AlertEventName[] = [
  'run-succeeded',
  'run-failed',
  'run-stopped',
  'timeout-warning',
  'deadline-missed',
  'schedule-failed',
];

const CHANNELS: Column<AlertChannelView>[] = [
  { title: 'CHANNEL', value: (channel) => channel.name },
  { title: 'KIND', value: (channel) => channel.kind },
  { title: 'TARGET', value: (channel) => channel.target },
  { title: 'EVENTS', value: (channel) => (channel.events.length === 0 ? 'all' : channel.events.join(',')) },
];

interface SetFlags {
  email?: string;
  webhook?: string;
  event?: string[];
  secretStdin?: boolean;
}

/** `pelorus alert …` */
export function addAlertCommand(program: Command, host: Host): void {
  const parent = program.command('alert').description('whom to tell about runs, and what was told');

  parent
    .command('list')
    .description('alert channels')
    .addHelpText('after', examples('pelorus alert list', 'pelorus alert list -o json'))
    .action(async (_flags: object, command: Command) => {
      const session = openSession(command, host);
      const { items } = await session.client.alertChannels.list(session.signal);
      const listing = { rows: items, columns: CHANNELS, name: (channel: AlertChannelView) => channel.name };
      writeListing(session.terminal.out, session.format, { ...listing, none: 'no alert channels' });
    });

  parent
    .command('set <name>')
    .description('create or change an alert channel; `notify: { to: [<name>] }` of a workflow names it')
    .addOption(new Option('--email <address>', 'send mail to this address').conflicts('webhook'))
    .option('--webhook <url>', 'post to this address, signed as of Standard Webhooks')
    .option('--secret-stdin', 'read the secret of the webhook (whsec_…) from standard input; otherwise one is made')
    .option('--event <event>', `only these (${EVENTS.join(', ')}); may be repeated`, collectList)
    .addHelpText(
      'after',
      examples(
        'pelorus alert set ops --email ops@example.org --event run-failed',
        'pelorus alert set chat --webhook https://chat.example.org/hooks/7',
      ),
    )
    .action((name: string, flags: SetFlags, command: Command) => setChannel(openSession(command, host), name, flags));

  parent
    .command('delete <name>')
    .description('delete an alert channel')
    .addHelpText('after', examples('pelorus alert delete ops'))
    .action(async (name: string, _flags: object, command: Command) => {
      const session = openSession(command, host);
      await session.client.alertChannels.delete(name, session.signal);
      const text = (): string => `alert channel ${name} deleted\n`;
      writeItem(session.terminal.out, session.format, { value: { name, deleted: true }, name, text });
    });

  parent
    .command('test <name>')
    .description('send a test through an alert channel')
    .addHelpText('after', examples('pelorus alert test ops'))
    .action((name: string, _flags: object, command: Command) => testChannel(openSession(command, host), name));

  parent
    .command('history')
    .description('what people were told, newest first')
    .option('--run <run>', 'only about this run')
    .addOption(new Option('--state <state>', 'only these').choices(['pending', 'sent', 'failed', 'skipped']))
    .option('--limit <n>', 'at most this many', wholeNumber('--limit', 1), 20)
    .addHelpText('after', examples('pelorus alert history', 'pelorus alert history --run @latest --state failed'))
    .action((flags: HistoryFlags, command: Command) => history(openSession(command, host), flags));
}

async function setChannel(session: Session, name: string, flags: SetFlags): Promise<void> {
  const channel = await session.client.alertChannels.put(name, await channelOf(session, flags), session.signal);
  const { secret } = channel;
  writeItem(session.terminal.out, session.format, {
    value: channel,
    name,
    text: () =>
      `alert channel ${name}: ${channel.kind} to ${channel.target}\n${secret === undefined ? '' : `  secret: ${secret}  (shown this once)\n`}`,
  });
}

async function channelOf(session: Session, flags: SetFlags): Promise<AlertChannelBody> {
  const { email, webhook, secretStdin = false } = flags;
  const target = email ?? webhook;
  if (target === undefined) throw usageFailure('alert set needs --email or --webhook');
  if (secretStdin && webhook === undefined) throw usageFailure('--secret-stdin needs --webhook');
  return {
    kind: email === undefined ? 'webhook' : 'email',
    target,
    events: (flags.event ?? []).map(eventNamed),
    ...(secretStdin ? { secret: (await session.host.readStdin()).trim() } : {}),
  };
}

function eventNamed(text: string): AlertEventName {
  const event = EVENTS.find((one) => one === text);
  if (event === undefined) throw usageFailure(`--event must be one of ${EVENTS.join(', ')}, not "${text}"`);
  return event;
}

async function testChannel(session: Session, name: string): Promise<void> {
  const tested = await session.client.alertChannels.test(name, session.signal);
  if (!tested.delivered)
    throw new Failure({
      exitCode: EXIT.unreachable,
      what: `the test did not get through alert channel ${name}`,
      why: tested.detail,
      todo: 'pelorus alert list shows where it goes',
    });
  const text = (): string => `the test got through alert channel ${name}: ${tested.detail}\n`;
  writeItem(session.terminal.out, session.format, { value: tested, name, text });
}

interface HistoryFlags {
  run?: string;
  state?: AlertView['state'];
  limit: number;
}

const TONES: Record<AlertView['state'], Tone> = { pending: 'busy', sent: 'good', failed: 'bad', skipped: 'quiet' };

async function history(session: Session, flags: HistoryFlags): Promise<void> {
  const run = flags.run === undefined ? null : await resolveRun(session.client, flags.run, session.signal);
  const { items } = await session.client.alerts.list(
    {
      limit: Math.min(1000, flags.limit),
      ...(run === null ? {} : { run }),
      ...(flags.state === undefined ? {} : { state: flags.state }),
    },
    session.signal,
  );
  const reference = relativeTo(session);
  const columns: Column<AlertView>[] = [
    { title: 'AT', value: (alert) => instantText(alert.at, reference) },
    { title: 'RUN', value: (alert) => (alert.run === null ? '-' : String(alert.run)) },
    { title: 'EVENT', value: (alert) => (alert.task === null ? alert.event : `${alert.event} ${alert.task}`) },
    { title: 'TO', value: (alert) => alert.recipient },
    { title: 'STATE', value: (alert) => alert.state, tone: (alert) => TONES[alert.state] },
    { title: 'TRIES', value: (alert) => String(alert.attempts) },
    { title: 'RESULT', value: (alert) => alert.result ?? '' },
  ];
  const listing = { rows: items, columns, name: (alert: AlertView) => String(alert.id) };
  writeListing(session.terminal.out, session.format, { ...listing, none: 'no alerts' });
}
