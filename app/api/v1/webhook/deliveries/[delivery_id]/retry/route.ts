import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { retryDelivery } from "@/lib/ops/webhooks.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("retry_delivery", async ({ db, params }) => reply(200, await retryDelivery(db, params.delivery_id))),
});
