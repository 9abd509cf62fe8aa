import "server-only";
import { ControlRoomError, errorCatalogue, type ErrorCode } from "@/contracts/error.ts";
import { openStorage, type Storage } from "@/executors/storage/storage.ts";
import { required } from "./env.ts";

// The one place where the web app sees executors/: bytes have one name and one layout, so both sides share the code.
export { beginUpload, clearUpload, objectPath, putObject, readObject, removeObject, statObject, sweepUploads, takeUpload } from "@/executors/storage/object-store.ts";
export type { Storage } from "@/executors/storage/storage.ts";

let opened: { url: string; storage: Promise<Storage> } | undefined;

/** The store of artifacts (`CONTROL_ROOM_STORAGE`), opened once. Throws `not_configured`, `storage_unavailable`. */
export async function artifactStore(): Promise<Storage> {
  const url = required("CONTROL_ROOM_STORAGE");
  if (opened?.url !== url) opened = { url, storage: openStorage(url) };
  try {
    return await opened.storage;
  } catch (error) {
    opened = undefined;
    throw storageError(error);
  }
}

/** The store's own errors (a `code` beside the message) as an error of the contract. */
export function storageError(error: unknown): unknown {
  if (error instanceof ControlRoomError || !(error instanceof Error) || !("code" in error)) return error;
  const code = String(error.code);
  if (code === "object_missing") {
    return new ControlRoomError("storage_unavailable", "The artifact is registered but its bytes are not in the store.", { cause: error });
  }
  if (!(code in errorCatalogue)) {
    return new ControlRoomError("storage_unavailable", undefined, { cause: error });
  }
  // The store's message names folders of this machine: the sentence of the catalogue is for everybody.
  return new ControlRoomError(code as ErrorCode, undefined, { cause: error });
}
