import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listBulkItems } from "@/lib/ops/bulk.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_bulk_items", async ({ db, params, query }) => reply(200, await listBulkItems(db, params.bulk_id, query))),
});
