import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { pauseBackfill } from "@/lib/ops/backfills.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("pause_backfill", async ({ db, params, body }) => reply(200, await pauseBackfill(db, params.backfill_id, body.note))),
});
