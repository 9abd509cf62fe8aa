import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { runSchedule } from "@/lib/ops/schedules.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("run_schedule", async ({ db, params, headers }) => {
    const { run, created } = await runSchedule(db, params.schedule_id, headers["Idempotency-Key"]);
    return reply(created ? 201 : 200, run);
  }),
});
