import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { getBackfill } from "@/lib/ops/backfills.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_backfill", async ({ db, params }) => reply(200, await getBackfill(db, params.backfill_id))),
});
