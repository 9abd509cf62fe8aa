import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listReaders } from "@/lib/ops/lineage.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_lineage_readers", async ({ db, query }) => reply(200, await listReaders(db, query))),
});
