import "server-only";
import { ControlRoomError } from "@/contracts/error.ts";
import { env, isHosted, required } from "@/lib/env.ts";
import { artifactStore, putObject, storageError } from "@/lib/storage.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { storageReceipt } from "./receipt.ts";
import { callRpc } from "./rpc.ts";

/** What a hosted function takes as a body. */
const hostedBodyBytes = 4_500_000;

interface ObjectPlace {
  environment_id: string;
  sha256: string;
}

/** Where the caller may send bytes. Throws `not_found`, `forbidden`, `payload_too_large`. */
export async function createUploadUrl(db: Db, object: ObjectPlace & { byte_size: number }) {
  const stored = await callRpc(db, "object_stored", { environment_id: object.environment_id, sha256: object.sha256 });
  refuseTooLarge(object.byte_size);
  return {
    stored,
    method: "PUT" as const,
    url: `/api/v1/objects/${object.sha256}?environment_id=${object.environment_id}`,
    headers: { "Content-Type": "application/octet-stream" },
  };
}

/**
 * Streams a body into the store with constant memory, then vouches for it to the database. The caller's right is asked
 * before the first byte is read. Throws `not_found`, `forbidden`, `hash_mismatch`, `payload_too_large`,
 * `use_upload_url`, `storage_full`, `storage_unavailable`.
 */
export async function storeObject(db: Db, object: ObjectPlace, request: Request): Promise<{ object: { sha256: string; byte_size: string }; created: boolean }> {
  const announced = request.headers.get("content-length");
  if (announced !== null) refuseTooLarge(Number(announced));
  const receiptKey = required("STORAGE_RECEIPT_KEY");
  const known = await callRpc(db, "object_stored", { environment_id: object.environment_id, sha256: object.sha256 });
  const store = await artifactStore();
  const body = request.body ?? new Blob([]).stream();
  const maxBytes = isHosted() ? Math.min(hostedBodyBytes, env().MAX_OBJECT_BYTES) : env().MAX_OBJECT_BYTES;
  const written = await putObject(store, body as unknown as AsyncIterable<Uint8Array>, { sha256: object.sha256, max_bytes: maxBytes, signal: request.signal }).catch((error: unknown) => {
    throw storageError(error);
  });
  const byteSize = String(written.byte_size);
  const receipt = storageReceipt(receiptKey, { ...object, byte_size: byteSize });
  return { object: await callRpc(db, "record_object", { ...object, byte_size: byteSize, receipt }), created: !known };
}

function refuseTooLarge(bytes: number): void {
  if (isHosted() && bytes > hostedBodyBytes) throw new ControlRoomError("use_upload_url", `This door takes at most ${hostedBodyBytes} bytes.`);
  const limit = env().MAX_OBJECT_BYTES;
  if (bytes > limit) throw new ControlRoomError("payload_too_large", `An object has at most ${limit} bytes (MAX_OBJECT_BYTES).`);
}
