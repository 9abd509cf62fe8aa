import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { deleteWebhook, getWebhook, putWebhook } from "@/lib/ops/webhooks.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_webhook", async ({ db, query }) => reply(200, await getWebhook(db, query))),
  PUT: route("put_webhook", async ({ db, query, body }) => reply(200, await putWebhook(db, query, body))),
  DELETE: route("delete_webhook", async ({ db, query }) => {
    await deleteWebhook(db, query);
    return reply(204, undefined);
  }),
});
