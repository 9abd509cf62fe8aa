import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { health } from "@/lib/ops/health.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_health", async () => {
    const body = await health();
    return reply(body.status === "ok" ? 200 : 503, body);
  }),
});
