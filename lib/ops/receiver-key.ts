import "server-only";
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { required } from "@/lib/env.ts";

/**
 * The key of a lineage receiver, sealed for this installation's own web processes (AES-256-GCM under a key that HKDF derives from
 * CONTROL_ROOM_SIGNING_KEY): the database holds what only they can open, and only for the environment and the host that it was given for
 * (docs/decisions/0011-the-key-of-a-lineage-receiver.md).
 */
function sealingKey(): Buffer {
  return Buffer.from(hkdfSync("sha256", Buffer.from(required("CONTROL_ROOM_SIGNING_KEY").replace(/^whsk_/, ""), "base64"), "", "control room: key of a lineage receiver", 32));
}
function boundTo(environment_id: string, url: string): Buffer {
  return Buffer.from(`${environment_id}\n${new URL(url).origin}`);
}

/** Throws `not_configured` where there is no CONTROL_ROOM_SIGNING_KEY. */
export function sealReceiverKey(key: string, environment_id: string, url: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", sealingKey(), nonce).setAAD(boundTo(environment_id, url));
  return Buffer.concat([nonce, cipher.update(key, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64url");
}

/** Throws where it was sealed under another key, for another environment or for another host. */
export function openReceiverKey(sealed: string, environment_id: string, url: string): string {
  const bytes = Buffer.from(sealed, "base64url");
  const cipher = createDecipheriv("aes-256-gcm", sealingKey(), bytes.subarray(0, 12)).setAAD(boundTo(environment_id, url)).setAuthTag(bytes.subarray(-16));
  return Buffer.concat([cipher.update(bytes.subarray(12, -16)), cipher.final()]).toString("utf8");
}
