/** What an alert says: a subject and a text for people, an object for programs. Pure. */
import type { AlertEvent, AlertRecord } from '@pelorus/engine';
import { causeText, durationText } from '@pelorus/protocol';

export interface AlertMessage {
  /** The same in every try, so that whoever gets it twice can tell. */
  id: string;
  subject: string;
  text: string;
  /** Standard Webhooks: what happened, when, and the details. */
  type: string;
  occurredAt: number;
  details: Record<string, unknown>;
}

export function messageOfAlert(alert: AlertRecord, baseUrl: string | null): AlertMessage {
  const address = baseUrl === null || alert.about ? null : `${baseUrl}/runs/${alert.run}`;
  const headline = headlineOf(alert);
  return {
    id: alert.id,
    subject: oneLine(`[Pelorus] ${headline}`),
    text: `${headline}.\n\n${factsOf(alert, address)}\n`,
    type: TYPE_OF[alert.event],
    occurredAt: alert.at,
    details: detailsOf(alert, headline, address),
  };
}

const TYPE_OF: Record<AlertEvent, string> = {
  'run-succeeded': 'run.succeeded',
  'run-failed': 'run.failed',
  'run-stopped': 'run.stopped',
  'timeout-warning': 'run.timeout_warning',
  'deadline-missed': 'deadline.missed',
  'schedule-failed': 'schedule.failed',
};

function headlineOf(alert: AlertRecord): string {
  const { project, workflow, run, task, about } = alert;
  if (about) return headlineAbout(about, alert);
  const name = `${project}/${workflow} run ${run}`;
  switch (alert.event) {
    case 'run-succeeded':
      return `${name} succeeded`;
    case 'run-stopped':
      return `${name} was ${alert.cause ? causeText(alert.cause) : 'stopped'}`;
    case 'run-failed':
      return `${name} failed${reasonOf(alert)}`;
    case 'timeout-warning': {
      const due = alert.timeoutMs === null ? 'its time' : durationText(alert.timeoutMs);
      return task === null ? `${name} takes longer than ${due}` : `${name}: task ${task} takes longer than ${due}`;
    }
    case 'deadline-missed':
    case 'schedule-failed':
      return `${project}/${workflow}: ${alert.event}`;
  }
}

/** What is about no run. */
function headlineAbout(about: About, { project, workflow, task, logicalDateAt }: AlertRecord): string {
  switch (about.kind) {
    case 'deadline': {
      const subject = task === null ? `${project}/${workflow}` : `task ${task} of ${project}/${workflow}`;
      return `${subject} has not succeeded by ${clockText(about.by, about.zone)} (deadline ${about.name})`;
    }
    case 'schedule':
      return `${project}/${workflow} could not be started for ${instantText(logicalDateAt)} (schedule ${about.name}): ${about.problem}`;
  }
}

type About = NonNullable<AlertRecord['about']>;

/** As clocks in the zone show it. */
function clockText(at: number, zone: string): string {
  const shown = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' }).format(at);
  return `${shown} ${zone}`;
}

function reasonOf({ firstFailure, cause }: AlertRecord): string {
  if (firstFailure) return `: task ${firstFailure.task} – ${causeText(firstFailure.cause)}`;
  return cause ? `: ${causeText(cause)}` : '';
}

function factsOf(alert: AlertRecord, address: string | null): string {
  const { firstFailure, cause, startedAt, endedAt } = alert;
  const facts: [label: string, value: string | null][] = alert.about
    ? factsAbout(alert.about, alert)
    : [
        ['Workflow', `${alert.project}/${alert.workflow}, version ${alert.workflowVersion}`],
        ['Run', `${alert.run} (${alert.execType}, submitted by ${alert.submitUser})`],
        ['State', alert.state],
        ['Cause', cause ? causeText(cause) : null],
        ['First failure', firstFailure ? `task ${firstFailure.task}: ${causeText(firstFailure.cause)}` : null],
        ['Logical date', instantText(alert.logicalDateAt)],
        ['Started', startedAt === null ? 'not started' : instantText(startedAt)],
        ['Ended', endedAt === null ? null : instantText(endedAt)],
        ['Duration', durationOf(alert)],
        ['Address', address],
        ['Alert', alert.id],
      ];
  const width = Math.max(...facts.map(([label]) => label.length)) + 2;
  return facts
    .flatMap(([label, value]) => (value === null ? [] : [`${`${label}:`.padEnd(width)}${oneLine(value)}`]))
    .join('\n');
}

function factsAbout(about: About, alert: AlertRecord): [label: string, value: string | null][] {
  const workflow = `${alert.project}/${alert.workflow}`;
  const subject: [string, string | null][] =
    about.kind === 'deadline'
      ? [
          ['Workflow', workflow],
          ['Task', alert.task],
          ['Deadline', about.name],
          ['Due', clockText(about.by, about.zone)],
          ['Looked at', `what was submitted for it since ${clockText(about.since, about.zone)}`],
        ]
      : [
          ['Workflow', workflow],
          ['Schedule', about.name],
          ['Logical date', instantText(alert.logicalDateAt)],
          ['Problem', about.problem],
        ];
  return [...subject, ['Alert', alert.id]];
}

/** Of a run that has ended; of one that goes on, until the alert. */
function durationOf({ startedAt, endedAt, at }: AlertRecord): string | null {
  return startedAt === null ? null : durationText((endedAt ?? at) - startedAt);
}

function detailsOf(alert: AlertRecord, headline: string, address: string | null): Record<string, unknown> {
  const { startedAt, endedAt } = alert;
  if (alert.about) return detailsAbout(alert.about, alert, headline);
  return {
    summary: headline,
    project: alert.project,
    workflow: alert.workflow,
    workflowVersion: alert.workflowVersion,
    run: alert.run,
    execType: alert.execType,
    submitUser: alert.submitUser,
    state: alert.state,
    cause: alert.cause,
    firstFailure: alert.firstFailure,
    task: alert.task,
    timeoutMs: alert.timeoutMs,
    logicalDate: instantText(alert.logicalDateAt),
    startedAt: startedAt === null ? null : instantText(startedAt),
    endedAt: endedAt === null ? null : instantText(endedAt),
    durationMs: startedAt === null || endedAt === null ? null : endedAt - startedAt,
    url: address,
  };
}

function detailsAbout(about: About, alert: AlertRecord, summary: string): Record<string, unknown> {
  const { project, workflow, task, logicalDateAt } = alert;
  const { kind, name } = about;
  const more =
    about.kind === 'deadline'
      ? { since: instantText(about.since), by: instantText(about.by), zone: about.zone, task }
      : { logicalDate: instantText(logicalDateAt), problem: about.problem };
  return { summary, project, workflow, [kind]: name, ...more };
}

/** RFC 3339, UTC. */
function instantText(at: number): string {
  return new Date(at).toISOString();
}

const SUBJECT_MAX = 400;

/** Names and causes are other people's text: they may not begin lines of their own. */
function oneLine(text: string): string {
  const flat = text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
  return flat.length <= SUBJECT_MAX ? flat : `${flat.slice(0, SUBJECT_MAX - 1)}…`;
}

export function messageOfTest(channel: string, id: string, at: number): AlertMessage {
  const summary = `test of alert channel ${channel}`;
  return {
    id,
    subject: oneLine(`[Pelorus] ${summary}`),
    text: `This is a ${oneLine(summary)}. Nothing has happened.\n`,
    type: 'test',
    occurredAt: at,
    details: { summary, channel },
  };
}
