import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listFires } from "@/lib/ops/schedules.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_fires", async ({ db, params, query }) => reply(200, await listFires(db, params.schedule_id, query))),
});
