export { scheduleBound } from './bounds.ts';
export { coveringCycle, lastFire } from './cycle.ts';
export { decideDue, MISSED_AFTER_MS, type Decided, type DecidedTick, type DueSchedule } from './due.ts';
export { GATE_CHECK_MS, gateQueries, judgeGate } from './gate.ts';
export { dayOf, dueOf, nextFiringTick, nextTick, type HolidayRule, type ScheduleTiming, type Tick } from './ticks.ts';
