import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { whoami } from "@/lib/ops/environments.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("whoami", async ({ db }) => reply(200, await whoami(db))),
});
