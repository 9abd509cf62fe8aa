import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { readColumnLineage } from "@/lib/ops/lineage.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_column_lineage", async ({ db, query }) => reply(200, await readColumnLineage(db, query))),
});
