import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createSchedule, listSchedules } from "@/lib/ops/schedules.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_schedules", async ({ db, query }) => reply(200, await listSchedules(db, query))),
  POST: route("create_schedule", async ({ db, body }) => reply(201, await createSchedule(db, body))),
});
