import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listAudit } from "@/lib/ops/audit.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_audit", async ({ db, query }) => reply(200, await listAudit(db, query))),
});
