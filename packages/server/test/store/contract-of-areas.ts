/** The part of the store's contract that is told area by area; each opens what it needs. `contract.ts` has runs and commits. */
import { describe } from 'vitest';
import type { Place } from './contract.ts';
import { transferContract } from './contract-of-transfer.ts';
import { mastersContract } from './contract-of-masters.ts';
import { turnsContract } from './contract-of-turns.ts';
import { permitsContract } from './contract-of-permits.ts';
import { backfillsContract } from './contract-of-backfills.ts';
import { vaultContract } from './contract-of-vault.ts';
import { eventsContract } from './contract-of-events.ts';
import { changesContract } from './contract-of-changes.ts';
import { factsContract } from './contract-of-facts.ts';
import { invariantsContract } from './contract-of-invariants.ts';
import { logsContract } from './contract-of-logs.ts';
import { operationsContract } from './contract-of-operations.ts';
import { accessContract } from './contract-of-access.ts';
import { alertsContract } from './contract-of-alerts.ts';
import { projectsContract } from './contract-of-projects.ts';
import { schedulesContract } from './contract-of-schedules.ts';
import { statsContract } from './contract-of-stats.ts';

export function areasContract(name: string, makePlace: () => Promise<Place>): void {
  describe(`store: ${name}`, () => {
    transferContract(makePlace);
    mastersContract(makePlace);
    turnsContract(makePlace);
    permitsContract(makePlace);
    backfillsContract(makePlace);
    vaultContract(makePlace);
    eventsContract(makePlace);
    changesContract(makePlace);
    factsContract(makePlace);
    invariantsContract(makePlace);
    logsContract(makePlace);
    operationsContract(makePlace);
    accessContract(makePlace);
    alertsContract(makePlace);
    projectsContract(makePlace);
    schedulesContract(makePlace);
    statsContract(makePlace);
  });
}
