import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { whoami } from "@/lib/ops/environments.ts";
import { validateTemplate } from "@/lib/ops/templates.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("validate_template", async ({ db, body }) => {
    // The check itself asks the database nothing, so who calls is asked here.
    await whoami(db);
    return reply(200, validateTemplate(body));
  }),
});
