import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { administeredProject, testWebhook } from "@/lib/ops/webhooks.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("test_webhook", async ({ db, query }) => reply(201, await testWebhook(db, await administeredProject(db, query)))),
});
