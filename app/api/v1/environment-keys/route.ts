import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { addKey, listKeys } from "@/lib/ops/secrets.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_environment_keys", async ({ db, query }) => reply(200, { items: await listKeys(db, query), next_cursor: null })),
  POST: route("add_environment_key", async ({ db, body }) => reply(200, await addKey(db, body))),
});
