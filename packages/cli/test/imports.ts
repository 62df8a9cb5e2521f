/** `pelorus import` into a running server, and the end of what was imported. */
import { until, type DevProcess, type Place } from './dev-process.ts';

export interface Imported {
  workflows: { name: string; version: number | null; result: string }[];
  report: { item: string; outcome: string; to: string | null; why: string | null }[];
  problems: { item: string; message: string }[];
}

/** What `pelorus import <args>` answers. */
export async function importInto(
  place: Place,
  ...args: string[]
): Promise<{ code: number; stderr: string; answer: Imported }> {
  const { code, stdout, stderr } = await place.pelorus('import', ...args, '-o', 'json');
  return { code, stderr, answer: JSON.parse(stdout || stderr) as Imported };
}

/** The state in which a run ends. */
export async function endOf(run: number, server: DevProcess): Promise<string> {
  let state = '';
  await until(
    async () => {
      state = (await server.client.runs.get(run)).state;
      return ['succeeded', 'failed', 'stopped', 'dependency_failed'].includes(state);
    },
    () => `run ${run} is ${state}`,
  );
  return state;
}
