import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createEnvironment } from "@/lib/ops/environments.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("create_environment", async ({ db, body }) => reply(201, await createEnvironment(db, body))),
});
