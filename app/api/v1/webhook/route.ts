import { ControlRoomError } from "@/contracts/error.ts";
import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { administeredProject, deleteWebhook, findWebhook, putWebhook } from "@/lib/ops/webhooks.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_webhook", async ({ db, query }) => {
    const found = await findWebhook(db, await administeredProject(db, query));
    if (found === null) throw new ControlRoomError("not_found", "The project has no webhook. Set it with PUT /webhook.");
    return reply(200, found);
  }),
  PUT: route("put_webhook", async ({ db, query, body }) => reply(200, await putWebhook(db, await administeredProject(db, query), body))),
  DELETE: route("delete_webhook", async ({ db, query }) => {
    await deleteWebhook(db, await administeredProject(db, query));
    return reply(204, undefined);
  }),
});
