import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createOrganization } from "@/lib/ops/environments.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("create_organization", async ({ db, body }) => reply(201, await createOrganization(db, body))),
});
