import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { recordLineageBatch } from "@/lib/ops/lineage.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("record_lineage_batch", async ({ db, query, body }) => reply(200, await recordLineageBatch(db, query, body))),
});
