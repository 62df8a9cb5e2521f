/** By what a worker would limit its tasks that is started by whoever asks, where it is asked. Nothing is made or moved for the answer. */
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { GroupPlaces } from '../control-group.ts';
import {
  CONTROLLERS,
  controllersIn,
  unifiedGroup,
  versionOneBases,
  type Controller,
  type UnifiedGroup,
} from './attempt-groups.ts';
import type { LimitsKind } from './messages.ts';

export interface LimitsOutlook {
  /** By what memory is limited. */
  kind: LimitsKind;
  /** What control groups will limit. */
  keeps: readonly Controller[];
  /** What would have to be otherwise for groups to limit both, for people; null: nothing. */
  missing: string | null;
}

export function limitsOutlook(places: GroupPlaces = {}): LimitsOutlook {
  const unified = unifiedGroup(places);
  const available = unified === null ? [] : controllersIn(unified.base, 'cgroup.controllers');
  const handedOn = unified !== null && mayHandOn(unified, available) ? available : [];
  const older = versionOneBases(places).filter(({ controller }) => !handedOn.includes(controller));
  const inOlder = older.flatMap(({ controller, base }) => (isWritable(base) ? [controller] : []));
  const keeps = CONTROLLERS.filter((one) => handedOn.includes(one) || inOlder.includes(one));
  const refused = available.length > 0 ? unified?.base : older.find(({ base }) => !isWritable(base))?.base;
  return {
    kind: handedOn.includes('memory') ? 'cgroup2' : inOlder.includes('memory') ? 'cgroup1' : 'rlimit',
    keeps,
    missing: keeps.length === CONTROLLERS.length ? null : missingText(refused),
  };
}

/** As the supervisor will try it. A group that holds processes hands nothing on, but for a container's own, which is emptied. */
function mayHandOn({ base, isSubgroup, isContainer }: UnifiedGroup, available: Controller[]): boolean {
  if (available.length === 0 || !isWritable(base)) return false;
  const active = controllersIn(base, 'cgroup.subtree_control');
  return (
    available.every((one) => active.includes(one)) ||
    ((isSubgroup || isContainer) && isWritable(join(base, 'cgroup.subtree_control')))
  );
}

function missingText(refused: string | undefined): string {
  if (refused === undefined) return 'no control groups that count memory and processes are mounted';
  return `no groups may be made below ${refused}; a systemd service may with Delegate=memory pids and DelegateSubgroup=pelorus-service, a container when it is privileged`;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
