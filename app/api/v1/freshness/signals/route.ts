import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listFreshnessSignals } from "@/lib/ops/freshness.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_freshness_signals", async ({ db, query }) => reply(200, await listFreshnessSignals(db, query))),
});
