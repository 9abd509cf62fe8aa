import "server-only";
import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import { required } from "@/lib/env.ts";

/** What comes before the 32 bytes of a seed in PKCS #8. RFC 8410, section 7. */
const pkcs8 = Buffer.from("302e020100300506032b657004220420", "hex");

function privateKey(): KeyObject {
  const seed = Buffer.from(required("CONTROL_ROOM_SIGNING_KEY").replace(/^whsk_/, ""), "base64");
  return createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: "der", type: "pkcs8" });
}

/** The public half, as Standard Webhooks writes it. Throws `not_configured` where there is no CONTROL_ROOM_SIGNING_KEY. */
export function publicKey(): string {
  const der = createPublicKey(privateKey()).export({ format: "der", type: "spki" });
  return `whpk_${der.subarray(-32).toString("base64")}`;
}

/** Names the key in signed statements: SHA-256 of its public half in SPKI form. Throws `not_configured`. */
export function keyId(): string {
  return createHash("sha256").update(createPublicKey(privateKey()).export({ format: "der", type: "spki" })).digest("hex");
}

/** Ed25519, in base64. */
export function signText(text: string): string {
  return sign(null, Buffer.from(text), privateKey()).toString("base64");
}
export function verifyText(text: string, signature: string): boolean {
  return verify(null, Buffer.from(text), createPublicKey(privateKey()), Buffer.from(signature, "base64"));
}
