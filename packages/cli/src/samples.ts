/** The project `samples`, as `pelorus dev` puts it on its server. */
import type { Client } from '@pelorus/sdk';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { applyDefinition } from './apply-workflow.ts';
import { findDefinitionFiles } from './definition-files.ts';

export const SAMPLES_PROJECT = 'samples';
/** In the repository; the published package has its own copy beside `src`. */
const FOLDERS = ['../../../samples', '../samples'].map((path) => fileURLToPath(new URL(path, import.meta.url)));

/** Saves the samples and the connection that they use; gives their names, simplest first. */
export async function applySamples(client: Client, database: string, signal: AbortSignal): Promise<string[]> {
  const folder = FOLDERS.find((path) => existsSync(path));
  if (folder === undefined) return [];
  await client.projects.put(SAMPLES_PROJECT, { description: 'Examples that come with Pelorus' }, signal);
  await client.connections.put(SAMPLES_PROJECT, 'samples', { kind: 'sqlite', url: `sqlite:${database}` }, signal);
  const files = await findDefinitionFiles(folder, folder);
  for (const file of files) await applyDefinition(client, file, { project: SAMPLES_PROJECT, dryRun: false }, signal);
  return files.sort((left, right) => left.source.length - right.source.length).map((file) => file.name);
}
