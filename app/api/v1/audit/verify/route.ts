import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { verifyAudit } from "@/lib/ops/audit-verify.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("verify_audit", async ({ db, query }) => reply(200, await verifyAudit(db, query))),
});
