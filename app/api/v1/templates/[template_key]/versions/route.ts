import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listTemplateVersions } from "@/lib/ops/templates.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_template_versions", async ({ db, params, query }) => reply(200, await listTemplateVersions(db, params.template_key, query))),
});
