import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { pauseSchedule } from "@/lib/ops/schedules.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("pause_schedule", async ({ db, params, body }) => reply(200, await pauseSchedule(db, params.schedule_id, body.note))),
});
