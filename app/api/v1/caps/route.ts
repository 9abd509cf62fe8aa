import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createCap, listCaps } from "@/lib/ops/caps.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_caps", async ({ db, query }) => reply(200, await listCaps(db, query))),
  POST: route("create_cap", async ({ db, body }) => reply(201, await createCap(db, body))),
});
