import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { deleteSecret, putSecret } from "@/lib/ops/secrets.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  PUT: route("put_secret", async ({ db, params, query, body }) => reply(200, await putSecret(db, query, params.name, body))),
  DELETE: route("delete_secret", async ({ db, params, query }) => {
    await deleteSecret(db, query, params.name);
    return reply(204, undefined);
  }),
});
