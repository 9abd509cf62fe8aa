import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { resumeBackfill } from "@/lib/ops/backfills.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("resume_backfill", async ({ db, params }) => reply(200, await resumeBackfill(db, params.backfill_id))),
});
