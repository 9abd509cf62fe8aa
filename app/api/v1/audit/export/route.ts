import { endpoint, route } from "@/lib/api/handler.ts";
import { exportAudit } from "@/lib/ops/audit-export.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("export_audit", ({ db, query }) => exportAudit(db, query)),
});
