import "server-only";
import { ControlRoomError } from "@/contracts/error.ts";
import { env, isHosted, required } from "@/lib/env.ts";
import { artifactStore, beginUpload, clearUpload, putObject, statObject, storageError, takeUpload } from "@/lib/storage.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { storageReceipt } from "./receipt.ts";
import { callRpc } from "./rpc.ts";

/** What a hosted function takes as a body. */
const hostedBodyBytes = 4_500_000;

interface ObjectPlace {
  environment_id: string;
  sha256: string;
}

const told = (error: unknown): never => {
  throw storageError(error);
};

/** Where the caller may send bytes: to the store itself where it has a door for that, else to us. Throws `not_found`, `forbidden`, `payload_too_large`, `storage_unavailable`. */
export async function createUploadUrl(db: Db, object: ObjectPlace & { byte_size: number }) {
  const stored = await callRpc(db, "object_stored", { environment_id: object.environment_id, sha256: object.sha256 });
  refuseTooLarge(object.byte_size);
  const here = `/api/v1/objects/${object.sha256}`;
  const direct = stored ? null : await beginUpload(await artifactStore(), { owner: object.environment_id, sha256: object.sha256, byte_size: object.byte_size }).catch(told);
  if (direct !== null) return { stored, method: "PUT" as const, ...direct, finish_url: `${here}/finish-upload` };
  if (!stored) refuseOverDoor(object.byte_size);
  return { stored, method: "PUT" as const, url: `${here}?environment_id=${object.environment_id}`, headers: { "Content-Type": "application/octet-stream" }, parts: [], upload_id: null, finish_url: null };
}

/**
 * Takes in what was sent straight to the store: verified there or read and hashed here, then vouched for to the database. Throws `not_found`, `forbidden`,
 * `object_missing`, `hash_mismatch`, `payload_too_large`, `storage_full`, `storage_unavailable`.
 */
export async function finishUpload(db: Db, { environment_id, sha256, ...sent }: ObjectPlace & { upload_id: string | null; etags: string[] }): Promise<{ sha256: string; byte_size: string }> {
  const receiptKey = required("STORAGE_RECEIPT_KEY");
  const known = await callRpc(db, "object_stored", { environment_id, sha256 });
  const store = await artifactStore();
  // A repeat, after the answer was lost.
  const there = known ? await statObject(store, sha256).catch(told) : null;
  if (there !== null) return { sha256, byte_size: String(there.size) };
  const place = { owner: environment_id, sha256 };
  const taken = await takeUpload(store, { ...place, ...sent, max_bytes: env().MAX_OBJECT_BYTES }).catch((error: unknown) => {
    // Here it is what the caller did not send, not what we lost.
    if (error instanceof Error && "code" in error && error.code === "object_missing") throw new ControlRoomError("object_missing", "Nothing, or not every part, was sent to the upload's URL.", { cause: error });
    throw storageError(error);
  });
  const object = { environment_id, sha256, byte_size: String(taken.byte_size) };
  const recorded = await callRpc(db, "record_object", { ...object, receipt: storageReceipt(receiptKey, object) });
  await clearUpload(store, place).catch(told);
  return recorded;
}

/**
 * Streams a body into the store with constant memory, then vouches for it to the database. The caller's right is asked
 * before the first byte is read. Throws `not_found`, `forbidden`, `hash_mismatch`, `payload_too_large`,
 * `use_upload_url`, `storage_full`, `storage_unavailable`.
 */
export async function storeObject(db: Db, object: ObjectPlace, request: Request): Promise<{ object: { sha256: string; byte_size: string }; created: boolean }> {
  const announced = request.headers.get("content-length");
  if (announced !== null) {
    refuseOverDoor(Number(announced));
    refuseTooLarge(Number(announced));
  }
  const receiptKey = required("STORAGE_RECEIPT_KEY");
  const known = await callRpc(db, "object_stored", { environment_id: object.environment_id, sha256: object.sha256 });
  const store = await artifactStore();
  const body = request.body ?? new Blob([]).stream();
  const maxBytes = isHosted() ? Math.min(hostedBodyBytes, env().MAX_OBJECT_BYTES) : env().MAX_OBJECT_BYTES;
  const written = await putObject(store, body as unknown as AsyncIterable<Uint8Array>, { sha256: object.sha256, max_bytes: maxBytes, signal: request.signal }).catch(told);
  const byteSize = String(written.byte_size);
  const receipt = storageReceipt(receiptKey, { ...object, byte_size: byteSize });
  return { object: await callRpc(db, "record_object", { ...object, byte_size: byteSize, receipt }), created: !known };
}

function refuseOverDoor(bytes: number): void {
  if (isHosted() && bytes > hostedBodyBytes) throw new ControlRoomError("use_upload_url", `This door takes at most ${hostedBodyBytes} bytes.`);
}

function refuseTooLarge(bytes: number): void {
  const limit = env().MAX_OBJECT_BYTES;
  if (bytes > limit) throw new ControlRoomError("payload_too_large", `An object has at most ${limit} bytes (MAX_OBJECT_BYTES).`);
}
