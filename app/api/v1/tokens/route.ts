import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createApiToken, listApiTokens } from "@/lib/ops/api-tokens.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_api_tokens", async ({ db, query }) => reply(200, await listApiTokens(db, query))),
  POST: route("create_api_token", async ({ db, body }) => reply(201, await createApiToken(db, body))),
});
