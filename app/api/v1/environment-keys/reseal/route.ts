import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { resealSecrets } from "@/lib/ops/secrets.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("reseal_secrets", async ({ db, query }) => reply(201, await resealSecrets(db, query))),
});
