import { createHash } from "node:crypto";

/**
 * The store's word to the database that these bytes were received by this environment:
 * `hex(sha256(key || sha256(key || "environment_id:sha256:byte_size")))`, both keys and the inner digest as raw bytes.
 * Nested, because a plain `sha256(key || text)` can be extended without the key; SQL has no HMAC without an extension.
 */
export function storageReceipt(keyHex: string, object: { environment_id: string; sha256: string; byte_size: string }): string {
  const key = Buffer.from(keyHex, "hex");
  const inner = createHash("sha256").update(key).update(`${object.environment_id}:${object.sha256}:${object.byte_size}`).digest();
  return createHash("sha256").update(key).update(inner).digest("hex");
}
