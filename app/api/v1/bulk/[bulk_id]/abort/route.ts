import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { abortBulk } from "@/lib/ops/bulk.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("abort_bulk", async ({ db, params }) => reply(200, await abortBulk(db, params.bulk_id))),
});
