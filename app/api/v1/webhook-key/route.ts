import { endpoint, reply, route } from "@/lib/api/handler.ts";
import { publicKey } from "@/lib/ops/signing-key.ts";

export const dynamic = "force-dynamic";

export const { GET, HEAD, POST, PUT, PATCH, DELETE } = endpoint({
  GET: route("get_webhook_key", () => Promise.resolve(reply(200, { algorithm: "ed25519" as const, public_key: publicKey() }))),
});
