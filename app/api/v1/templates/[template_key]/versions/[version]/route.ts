import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { getTemplateVersion } from "@/lib/ops/templates.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_template_version", async ({ db, params, query }) => reply(200, await getTemplateVersion(db, { ...params, ...query }))),
});
