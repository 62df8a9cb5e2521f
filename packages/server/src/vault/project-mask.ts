/** What must not be shown to anybody who reads about a project's runs. */
import { Mask, passwordsIn } from '@pelorus/worker/secrets';
import type { ProjectVaultRows } from '../store/index.ts';
import { projectVault } from './project-vault.ts';
import type { Vault } from './seal.ts';

/**
 * Hides every secret of the project, and the passwords of its connections, in every form that a task prints them in. Null when
 * there is nothing to hide. What no key opens cannot be looked for.
 */
export function projectMask(vault: Vault, projectId: number, rows: ProjectVaultRows): Mask | null {
  const opened = projectVault(vault, projectId, rows);
  const values = rows.secrets
    .map(({ name }) => opened.secret(name))
    .flatMap((found) => (found.kind === 'found' ? [found.value] : []));
  const addresses = rows.connections
    .map(({ name }) => opened.connection(name))
    .flatMap((found) => (found.kind === 'found' ? [found.value.url] : []));
  return Mask.of([...values, ...addresses.flatMap(passwordsIn)]);
}
