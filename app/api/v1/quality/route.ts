import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listQuality } from "@/lib/ops/quality.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_quality", async ({ db, query }) => reply(200, await listQuality(db, query))),
});
