import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { getBulk } from "@/lib/ops/bulk.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_bulk", async ({ db, params }) => reply(200, await getBulk(db, params.bulk_id))),
});
