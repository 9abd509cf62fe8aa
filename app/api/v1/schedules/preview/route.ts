import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { previewTimes } from "@/lib/ops/schedules.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("preview_times", async ({ db, body }) => reply(200, await previewTimes(db, body))),
});
