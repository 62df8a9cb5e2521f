/**
 * Keeps the server's workflows like the files of a folder: applies every definition at the start, and again when it or a
 * file that it names changes. Owns the watches on the folders. Nothing is ever deleted from the server.
 *
 * Invariants: 1. one scan at a time; a change during a scan is followed by another one; 2. what has not changed is not sent.
 */
import { createHash } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import type { Client } from '@pelorus/sdk';
import { applyDefinition, type Applied } from './apply-workflow.ts';
import { bundleOf, findDefinitionFiles, foldersBelow, type DefinitionFile } from './definition-files.ts';
import { Failure } from './failure.ts';
import { afterQuiet } from './pace.ts';

const QUIET_MS = 150;

export interface WatcherOptions {
  client: Client;
  folder: string;
  directory: string;
  onApplied: (applied: Applied) => void;
  onFailure: (failure: unknown) => void;
}

export interface DefinitionWatcher {
  /** No further scans; the one under way is awaited. */
  stop(): Promise<void>;
}

/** Resolves after the first scan. */
export async function watchDefinitions(options: WatcherOptions): Promise<DefinitionWatcher> {
  const sent = new Map<string, string>();
  const watches = new Map<string, FSWatcher>();
  const stopping = new AbortController();
  let scanning = Promise.resolve();
  let again = false;

  const scan = async (): Promise<void> => {
    again = false;
    await watchFolders(options, watches, () => changed());
    await applyChanged(options, sent, stopping.signal);
  };
  const changed = afterQuiet(QUIET_MS, () => {
    if (again || stopping.signal.aborted) return;
    again = true;
    scanning = scanning.then(scan).catch(options.onFailure);
  });

  await scan().catch(options.onFailure);
  return {
    stop: async () => {
      stopping.abort(new Error('watching has ended'));
      for (const each of watches.values()) each.close();
      await scanning;
    },
  };
}

async function watchFolders(
  options: WatcherOptions,
  watches: Map<string, FSWatcher>,
  onChange: () => void,
): Promise<void> {
  const folders = new Set(await foldersBelow(options.folder, options.directory));
  for (const [folder, each] of watches) {
    if (folders.has(folder)) continue;
    each.close();
    watches.delete(folder);
  }
  for (const folder of folders) {
    if (watches.has(folder)) continue;
    const each = watch(folder, onChange);
    each.on('error', options.onFailure);
    watches.set(folder, each);
  }
}

async function applyChanged(options: WatcherOptions, sent: Map<string, string>, signal: AbortSignal): Promise<void> {
  for (const file of await findDefinitionFiles(options.folder, options.directory)) {
    const fingerprint = await fingerprintOf(file);
    if (sent.get(file.shown) === fingerprint) continue;
    sent.set(file.shown, fingerprint);
    try {
      const applied = await applyDefinition(options.client, file, { project: null, dryRun: false }, signal);
      if (applied.changed) options.onApplied(applied);
    } catch (error) {
      if (signal.aborted) return;
      // Not the file's fault: the next change tries again.
      if (!(error instanceof Failure)) sent.delete(file.shown);
      options.onFailure(error);
    }
  }
}

async function fingerprintOf(file: DefinitionFile): Promise<string> {
  const { bundle, faults } = await bundleOf(file);
  return createHash('sha256')
    .update(JSON.stringify([bundle, faults]))
    .digest('hex');
}
