import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { getVerification } from "@/lib/ops/verification.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_verification", async ({ db, params }) => reply(200, await getVerification(db, params.run_id))),
});
