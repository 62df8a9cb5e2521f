/** What every command works with, made from the global flags, the environment and the terminal. */
import { parseDuration } from '@pelorus/protocol/vocabulary';
import { createClient, type Client } from '@pelorus/sdk';
import { Option, type Command } from 'commander';
import { colourWanted, readEnvironment } from './environment.ts';
import { usageFailure } from './failure.ts';
import { OUTPUT_FORMATS, type OutputFormat } from './output.ts';
import type { Given, Settings } from './settings.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/** What the process gives; tests give their own. */
export interface Host {
  variables: Record<string, string | undefined>;
  directory: string;
  readStdin: () => Promise<string>;
  /** Epoch ms. */
  now: () => number;
  /** Aborted by the first Ctrl-C; calling it arms that. */
  interrupt: () => AbortSignal;
}

export interface Session {
  host: Host;
  client: Client;
  /** Address of the server. */
  server: string;
  settings: Settings;
  format: OutputFormat;
  terminal: Terminal;
  signal: AbortSignal;
}

interface GlobalFlags {
  output?: OutputFormat;
  server?: string;
  color?: boolean;
}

/** Adds the flags that every command understands. */
export function addGlobalFlags(program: Command): Command {
  return program
    .addOption(
      new Option('-o, --output <format>', 'how the answer is written').choices(OUTPUT_FORMATS).default('table'),
    )
    .option('--server <url>', 'the server to talk to (PELORUS_SERVER)')
    .option('--no-color', 'no colour, as with NO_COLOR');
}

/** Opens the session of a command about to run; warns about unknown PELORUS_* names on stderr. */
export function openSession(command: Command, host: Host, flags: Given = {}): Session {
  const global = command.optsWithGlobals<GlobalFlags>();
  const { settings, warnings } = readEnvironment({
    flags: { ...flags, ...(global.server === undefined ? {} : { server: global.server }) },
    variables: host.variables,
    directory: host.directory,
  });
  const terminal = processTerminal(colourWanted(host.variables) && global.color !== false);
  for (const warning of warnings) terminal.err.write(`warning: ${warning}\n`);
  const server = settings.server.value ?? '';
  return {
    host,
    client: createClient({
      baseUrl: server,
      ...(settings.token.value === null ? {} : { token: settings.token.value }),
    }),
    server,
    settings,
    format: global.output ?? 'table',
    terminal,
    signal: host.interrupt(),
  };
}

/** Instants are relative for a person at a terminal, RFC 3339 for everything else. */
export function relativeTo(session: Session): number | null {
  return session.terminal.out.isTerminal ? session.host.now() : null;
}

/** For options that take a whole number from `least`. */
export function wholeNumber(name: string, least: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,9}$/.test(text) || Number(text) < least)
      throw usageFailure(`${name} must be a whole number from ${least}, not "${text}"`);
    return Number(text);
  };
}

/** For options that may be repeated, and whose values may be lists with commas. */
export function collectList(text: string, before: string[] | undefined): string[] {
  return [
    ...(before ?? []),
    ...text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ];
}

/** For options that may be repeated. */
export function collectText(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** `30s`, `10m`, `1h30m`, or whole seconds, in milliseconds; throws a usage failure that names `flag`. */
export function durationFlag(flag: string, text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === null) throw usageFailure(`${flag} must be a duration like 30s, 10m or 2h, not "${text}"`);
  return durationMs;
}
