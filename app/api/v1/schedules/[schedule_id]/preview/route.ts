import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { previewSchedule } from "@/lib/ops/schedules.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("preview_schedule", async ({ db, params, query }) => reply(200, await previewSchedule(db, params.schedule_id, query))),
});
