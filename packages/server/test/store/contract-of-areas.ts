/**
 * The part of the store's contract that is told area by area; each opens what it needs. `contract.ts` has runs and commits.
 * In two halves, each in a file of its own, so that they go on side by side.
 */
import { describe } from 'vitest';
import type { Effort, Place } from './contract.ts';
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

/** The areas in which runs begin, go on and are told of. */
export function runAreasContract(name: string, makePlace: () => Promise<Place>, effort: Effort): void {
  describe(`store: ${name}`, () => {
    mastersContract(makePlace);
    turnsContract(makePlace, effort);
    permitsContract(makePlace);
    backfillsContract(makePlace, effort);
    changesContract(makePlace);
    factsContract(makePlace);
    statsContract(makePlace);
  });
}

/** All others. */
export function otherAreasContract(name: string, makePlace: () => Promise<Place>): void {
  describe(`store: ${name}`, () => {
    transferContract(makePlace);
    vaultContract(makePlace);
    eventsContract(makePlace);
    invariantsContract(makePlace);
    logsContract(makePlace);
    operationsContract(makePlace);
    accessContract(makePlace);
    alertsContract(makePlace);
    projectsContract(makePlace);
    schedulesContract(makePlace);
  });
}
