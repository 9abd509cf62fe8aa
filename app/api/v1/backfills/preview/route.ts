import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { previewBackfill } from "@/lib/ops/backfills.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("preview_backfill", async ({ db, body }) => reply(200, await previewBackfill(db, body))),
});
