import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { getTemplate } from "@/lib/ops/templates.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_template", async ({ db, params, query }) => reply(200, await getTemplate(db, { ...params, ...query }))),
});
