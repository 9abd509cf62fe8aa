import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { listSecrets } from "@/lib/ops/secrets.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("list_secrets", async ({ db, query }) => reply(200, { items: await listSecrets(db, query), next_cursor: null })),
});
