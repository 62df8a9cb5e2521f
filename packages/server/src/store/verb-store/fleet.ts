/** Masters, workers and their groups, task groups and environments. */
import { decodeWorker, parseRows } from '../rows.ts';
import { done, type StoreMethods } from './methods.ts';

export const FLEET = {
  listWorkers: async ({ people }) => parseRows(await people.call('listWorkers', undefined)).map(decodeWorker),
  drainWorker: ({ writer }, drain) => writer.call('drainWorker', drain),
  undrainWorker: ({ writer }, name) => writer.call('undrainWorker', name),
  listWorkerDrains: ({ people }) => people.call('listWorkerDrains', undefined),
  listWorkerAttempts: ({ people }, worker, limit) => people.call('listWorkerAttempts', { worker, limit }),
  listMasters: ({ people }, limit) => people.call('listMasters', limit),
  masterOf: ({ people }, run) => people.call('masterOf', run),
  listMasterPlaces: ({ people }, limit) => people.call('listMasterPlaces', limit),
  saveWorkerGroup: ({ writer }, group) => writer.call('saveWorkerGroup', group),
  listWorkerGroups: ({ people }) => people.call('listWorkerGroups', undefined),
  deleteWorkerGroup: ({ writer }, name) => done(writer.call('deleteWorkerGroup', name)),
  listQueuedTasks: ({ people }, limit) => people.call('listQueuedTasks', limit),
  saveEnvironment: ({ writer }, environment) => writer.call('saveEnvironment', environment),
  listEnvironments: ({ people }) => people.call('listEnvironments', undefined),
  deleteEnvironment: ({ writer }, name) => done(writer.call('deleteEnvironment', name)),
  loadDrainedWorkers: ({ master }) => master.call('loadDrainedWorkers', undefined),
  loadEnvironments: ({ master }, names) => master.call('loadEnvironments', names),
  saveTaskGroup: ({ writer }, group) => writer.call('saveTaskGroup', group),
  listTaskGroups: ({ people }) => people.call('listTaskGroups', undefined),
  deleteTaskGroup: ({ writer }, name) => done(writer.call('deleteTaskGroup', name)),
  loadTaskGroups: ({ master }) => master.call('loadTaskGroups', undefined),
} satisfies Partial<StoreMethods>;
