import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { getProvenance } from "@/lib/ops/provenance.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_provenance", async ({ db, params }) => reply(200, await getProvenance(db, params.run_id))),
});
