import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listPhases } from "@/lib/ops/phases.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_phases", async ({ db, params }) => reply(200, await listPhases(db, params.run_id))),
});
