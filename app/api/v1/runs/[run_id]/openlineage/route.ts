import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { openLineageOf } from "@/lib/ops/openlineage.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_run_openlineage", async ({ db, params }) => reply(200, { items: await openLineageOf(db, params.run_id), next_cursor: null })),
});
