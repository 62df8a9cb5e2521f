/** How processes that run attempts come under the limits of one: by a shell, because it can set them and Node cannot. */
import type { AttemptGroup, AttemptGroups } from './attempt-groups.ts';
import type { AttemptLimits } from './messages.ts';

export interface Limiting {
  groups: AttemptGroups | null;
  /** As they are now. */
  limits: () => AttemptLimits;
}

export interface LimitedStart {
  /** Its own, from here on; to be discarded when the process is gone. */
  cgroup: AttemptGroup | null;
  /** What the shell does first. Afterwards its arguments are those that follow `args`. */
  text: string;
  args: string[];
}

/** Makes a control group, where that can be, for one process. A limit that this user may not set stays as the host has it. */
export function limitedStart({ groups, limits }: Limiting, limitsAddressSpace: boolean): LimitedStart {
  const cgroup = groups?.make() ?? null;
  const { openFiles, memoryBytes } = limits();
  // Address space is a poor measure of memory: only where there is no other, and somebody has asked for it.
  const isOtherwise = cgroup !== null && cgroup.oomKills() !== null;
  const addressSpace = limitsAddressSpace && !isOtherwise && memoryBytes !== null;
  const lines = [
    'while [ "$1" != -- ]; do { echo $$ >"$1"; } 2>/dev/null; shift; done',
    'shift',
    `ulimit -n ${openFiles} 2>/dev/null`,
    ...(addressSpace ? [`ulimit -v ${Math.floor(memoryBytes / 1024)} 2>/dev/null`] : []),
  ];
  return { cgroup, text: `${lines.join('\n')}\n`, args: [...(cgroup?.joinFiles ?? []), '--'] };
}
