/** What tasks of a project get of its vault, opened one by one as it is asked for. */
import type { Connection, TaskVault, Looked } from '@pelorus/engine';
import type { ConnectionRow, ProjectVaultRows } from '../store/index.ts';
import { fillUrl } from './connection-url.ts';
import type { Vault } from './seal.ts';

/** Nothing is opened before it is asked for, and nothing that was opened is kept. */
export function projectVault(vault: Vault, projectId: number, rows: ProjectVaultRows): TaskVault {
  const secrets = new Map(rows.secrets.map(({ name, sealed }) => [name, sealed]));
  const connections = new Map(rows.connections.map((row) => [row.name, row]));

  const secret = (name: string): Looked<string> => {
    const sealed = secrets.get(name);
    if (sealed === undefined) return problem(`the project has no secret named ${name}`);
    const opened = vault.open(sealed, { kind: 'secret', projectId, name });
    return opened.kind === 'open' ? { kind: 'found', value: opened.value } : problem(`secret ${name} ${opened.reason}`);
  };
  return {
    secret,
    connection: (name) => {
      const row = connections.get(name);
      if (row === undefined) return problem(`the project has no connection named ${name}`);
      return openConnection(vault, { ...row, projectId }, secret);
    },
  };
}

type SealedConnection = Pick<ConnectionRow, 'name' | 'kind' | 'url' | 'sealed' | 'plain'> & { projectId: number };

function openConnection(
  vault: Vault,
  row: SealedConnection,
  secret: (name: string) => Looked<string>,
): Looked<Connection> {
  const { name, kind, projectId } = row;
  const opened = addressOf(vault, row, projectId);
  if (opened.kind === 'problem') return opened;
  const missing: string[] = [];
  const url = fillUrl(opened.value, (wanted) => {
    const found = secret(wanted);
    if (found.kind === 'found') return found.value;
    missing.push(found.problem);
    return '';
  });
  if (missing.length > 0) return problem(`connection ${name}: ${missing.join('; ')}`);
  return { kind: 'found', value: { name, kind, url } };
}

/** The whole address of a connection, its placeholders still in it. */
export function addressOf(
  vault: Vault,
  { name, url, sealed }: Pick<ConnectionRow, 'name' | 'url' | 'sealed'>,
  projectId: number,
): Looked<string> {
  if (sealed === null) return { kind: 'found', value: url };
  const opened = vault.open(sealed, { kind: 'connection', projectId, name });
  return opened.kind === 'open'
    ? { kind: 'found', value: opened.value }
    : problem(`the address of connection ${name} ${opened.reason}`);
}

function problem(sentence: string): { kind: 'problem'; problem: string } {
  return { kind: 'problem', problem: sentence };
}
