import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listBackfillItems } from "@/lib/ops/backfills.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_backfill_items", async ({ db, params, query }) => reply(200, await listBackfillItems(db, params.backfill_id, query))),
});
