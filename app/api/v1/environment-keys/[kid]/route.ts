import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { retireKey } from "@/lib/ops/secrets.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  DELETE: route("retire_environment_key", async ({ db, params, query }) => reply(200, await retireKey(db, query, params.kid))),
});
