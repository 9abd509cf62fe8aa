import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { rotateApiToken } from "@/lib/ops/api-tokens.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("rotate_api_token", async ({ db, params, body }) => reply(201, await rotateApiToken(db, params.api_token_id, body))),
});
