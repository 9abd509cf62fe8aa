import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listTemplates, saveTemplate } from "@/lib/ops/templates.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_templates", async ({ db, query }) => reply(200, await listTemplates(db, query))),
  POST: route("save_template", async ({ db, body }) => {
    const { template, created } = await saveTemplate(db, body);
    return reply(created ? 201 : 200, template);
  }),
});
