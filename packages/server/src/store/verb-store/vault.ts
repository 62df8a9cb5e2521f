/** Secrets, connections and files of projects. */
import { done, type StoreMethods } from './methods.ts';

export const VAULT = {
  saveSecret: ({ writer }, secret) => writer.call('saveSecret', secret),
  listSecrets: ({ people }, projectId, page) => people.call('listSecrets', { projectId, page }),
  getSecret: ({ people }, projectId, name) => people.call('getSecret', { projectId, name }),
  deleteSecret: ({ writer }, projectId, name) => done(writer.call('deleteSecret', { projectId, name })),
  saveConnection: ({ writer }, connection) => writer.call('saveConnection', connection),
  listConnections: ({ people }, projectId, page) => people.call('listConnections', { projectId, page }),
  getConnection: ({ people }, projectId, name) => people.call('getConnection', { projectId, name }),
  deleteConnection: ({ writer }, projectId, name) => done(writer.call('deleteConnection', { projectId, name })),
  saveProjectFile: ({ writer }, file) => writer.call('saveProjectFile', file),
  listProjectFiles: ({ people }, projectId, page) => people.call('listProjectFiles', { projectId, page }),
  findProjectFiles: ({ people }, projectId, paths) => people.call('findProjectFiles', { projectId, paths }),
  deleteProjectFile: ({ writer }, file) => writer.call('deleteProjectFile', file),
  readContent: ({ people }, sha256, from, sizeBytes) => people.call('readContent', { sha256, from, sizeBytes }),
  loadVault: ({ master }, projectId, known) => master.call('loadVault', { projectId, known }),
  loadContents: ({ master }, sha256s) => master.call('loadContents', sha256s),
  listSealed: ({ people }, after, limit) => people.call('listSealed', { after, limit }),
  reseal: ({ writer }, changes) => writer.call('reseal', changes),
  purgeFreed: ({ writer }) => done(writer.call('purgeFreed', undefined)),
} satisfies Partial<StoreMethods>;
