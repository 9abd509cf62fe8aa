import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { exportControlPlane } from "@/lib/ops/control-plane.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("export_control_plane", async ({ db, query }) => reply(200, await exportControlPlane(db, query.project))),
});
