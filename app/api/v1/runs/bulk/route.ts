import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { createBulk } from "@/lib/ops/bulk.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("create_bulk", async ({ db, body, headers }) => {
    const answer = await createBulk(db, body, headers["Idempotency-Key"]);
    return "dry_run" in answer ? reply(200, answer) : reply(201, answer);
  }),
});
