import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { deleteSchedule, getSchedule, updateSchedule } from "@/lib/ops/schedules.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_schedule", async ({ db, params }) => reply(200, await getSchedule(db, params.schedule_id))),
  PATCH: route("update_schedule", async ({ db, params, body }) => reply(200, await updateSchedule(db, params.schedule_id, body))),
  DELETE: route("delete_schedule", async ({ db, params }) => {
    await deleteSchedule(db, params.schedule_id);
    return reply(204, undefined);
  }),
});
