import { createHash } from "node:crypto";
import { canonicalJson } from "../../contracts/canonical.ts";

/** SHA-256 (64 lower-case hex digits) of bytes, or of a text's UTF-8. */
export function sha256Of(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** SHA-256 and size of a stream, in one pass with constant memory. */
export async function sha256OfStream(content: AsyncIterable<Uint8Array>): Promise<{ sha256: string; byte_size: number }> {
  const hash = createHash("sha256");
  let byte_size = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    byte_size += chunk.byteLength;
  }
  return { sha256: hash.digest("hex"), byte_size };
}

/** SHA-256 of the canonical JSON of a value. */
export function sha256OfJson(value: unknown): string {
  return sha256Of(canonicalJson(value));
}
