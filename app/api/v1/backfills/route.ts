import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createBackfill, listBackfills } from "@/lib/ops/backfills.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_backfills", async ({ db, query }) => reply(200, await listBackfills(db, query))),
  POST: route("create_backfill", async ({ db, body, headers }) => {
    const { backfill, created } = await createBackfill(db, body, headers["Idempotency-Key"]);
    return reply(created ? 201 : 200, backfill);
  }),
});
