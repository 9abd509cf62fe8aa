import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { planControlPlane } from "@/lib/ops/control-plane.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("plan_control_plane", async ({ db, query, body }) => reply(200, await planControlPlane(db, query.project, body))),
});
