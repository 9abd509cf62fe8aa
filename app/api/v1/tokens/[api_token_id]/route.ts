import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { revokeApiToken } from "@/lib/ops/api-tokens.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  DELETE: route("revoke_api_token", async ({ db, params }) => {
    await revokeApiToken(db, params.api_token_id);
    return reply(204, undefined);
  }),
});
