import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { capAllow } from "@/lib/ops/caps.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  POST: route("cap_allow", async ({ db, body, headers }) => reply(200, await capAllow(db, body, headers["Lease-Token"]))),
});
