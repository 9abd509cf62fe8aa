import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { tick } from "@/lib/ops/tick.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_tick", async ({ db }) => reply(200, await tick(db))),
  POST: route("post_tick", async ({ db }) => reply(200, await tick(db))),
});
