import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { resumeSchedule } from "@/lib/ops/schedules.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("resume_schedule", async ({ db, params }) => reply(200, await resumeSchedule(db, params.schedule_id))),
});
