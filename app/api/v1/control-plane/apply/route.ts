import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { applyControlPlane } from "@/lib/ops/control-plane.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("apply_control_plane", async ({ db, query, body }) => reply(200, await applyControlPlane(db, query.project, body))),
});
