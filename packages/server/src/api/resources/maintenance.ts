/** Maintenance holds all schedules still. */
import { z } from 'zod';
import { ADMINISTRATOR, SIGNED_IN } from '../access.ts';
import { maintenanceAnswer } from '../answers/schedules.ts';
import { jsonBody } from '../body.ts';
import { ok, route, type Route } from '../route.ts';
import { maintenanceView } from '../schedules/views.ts';

const getMaintenance = route({
  id: 'getMaintenance',
  method: 'GET',
  path: '/maintenance',
  access: SIGNED_IN,
  summary: 'Whether all schedules are held still, by whom and why',
  answers: { 200: maintenanceAnswer },
  handle: async (_input, { store }) => ok(maintenanceView(await store.getMaintenance())),
});

const putMaintenance = route({
  id: 'putMaintenance',
  method: 'PUT',
  path: '/maintenance',
  access: ADMINISTRATOR,
  summary: 'Hold all schedules still, or let them go on: what was due meanwhile is decided by their misfire policies',
  answers: { 200: maintenanceAnswer },
  body: jsonBody(z.strictObject({ paused: z.boolean(), reason: z.string().max(10_000).default('') })),
  handle: async ({ body }, { store, user, clock, hints }) => {
    const row = await store.setMaintenance({ ...body, user, at: clock() });
    hints.commandWritten();
    return ok(maintenanceView(row));
  },
});

export const maintenanceRoutes: readonly Route[] = [getMaintenance, putMaintenance];
