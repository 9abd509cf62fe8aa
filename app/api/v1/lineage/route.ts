import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { readLineage, recordLineage } from "@/lib/ops/lineage.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_lineage", async ({ db, query }) => reply(200, await readLineage(db, query))),
  POST: route("record_lineage", async ({ db, query, body }) => reply(201, await recordLineage(db, query, body))),
});
