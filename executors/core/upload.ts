import { sha256Of, sha256OfStream } from "./hash.ts";
import type { Upload } from "./control-plane.ts";
import type { Redactor } from "./redactor.ts";
import type { Scratch } from "./scratch.ts";

/** `file` is a path of the executor's scratch folder; `known` what its writer hashed already, which the store verifies like anything else. */
export type ArtifactContent = { file: string; known?: { sha256: string; byte_size: number } } | { bytes: Uint8Array } | { text: string };

/** Hash and size of an artifact's content (one streaming pass over a file whose hash is not known), and how to send it. With `redact` secrets are taken out on the way. */
export async function prepareUpload(content: ArtifactContent, environment_id: string, files: Pick<Scratch, "hash" | "stream">, redact: Redactor | null = null): Promise<Upload> {
  if ("file" in content) {
    const { file } = content;
    const open = redact === null ? () => files.stream(file) : () => files.stream(file).pipeThrough(redact.stream());
    const { sha256, byte_size } = redact === null ? (content.known ?? (await files.hash(file))) : await sha256OfStream(open());
    // An empty stream body would be sent in chunks, which some stores refuse.
    if (byte_size === 0) return { sha256, byte_size, environment_id, open: () => new Uint8Array() };
    return { sha256, byte_size, environment_id, open };
  }
  const given = "bytes" in content ? content.bytes : new TextEncoder().encode(content.text);
  const bytes = Uint8Array.from(redact === null ? given : redact.bytes(given));
  return { sha256: sha256Of(bytes), byte_size: bytes.byteLength, environment_id, open: () => bytes };
}
