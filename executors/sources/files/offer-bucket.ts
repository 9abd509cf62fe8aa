import { outboundFetch } from "../outbound-fetch.ts";
import { sourceStatus, unreachableSource } from "../source-error.ts";
import { CodedError } from "../../storage/coded-error.ts";
import { listKeys } from "../../storage/s3-list.ts";
import { s3Client, s3Limits, type S3Limits } from "../../storage/s3-client.ts";
import type { S3Settings } from "../../storage/s3-settings.ts";
import { readObject } from "../../storage/s3-read.ts";
import { relativePath } from "../../storage/storage-path.ts";
import { filePattern } from "./file-pattern.ts";
import { byName, type OfferedFile } from "./offered-file.ts";

/** Objects of a bucket, named and told apart by a listing. An object that changes meanwhile is not read. Throws CodedErrors `source_…`. */
export async function offerBucket(settings: S3Settings, path: string, options: { place: string; allow: readonly string[]; signal: AbortSignal; limits?: S3Limits }): Promise<OfferedFile[]> {
  const { place, allow, signal, limits = s3Limits } = options;
  const client = s3Client(settings, limits, outboundFetch({ allow, answer_ms: limits.answer_ms, idle_ms: limits.idle_ms, signal }));
  const pattern = filePattern(relativePath(path));
  const found: OfferedFile[] = [];
  try {
    for await (const { key, etag, size } of listKeys(client, `${settings.prefix}${pattern.prefix}`)) {
      const name = key.slice(settings.prefix.length);
      if (!pattern.matches(name)) continue;
      const open = () => readObject(client, key, {}, etag).catch((error: unknown) => { throw bucketError(error, name, signal); });
      found.push({ name, identity: etag === null ? null : `${etag} ${size}`, open, release: () => undefined });
    }
  } catch (error) {
    throw bucketError(error, place, signal);
  }
  return found.toSorted(byName);
}

/** What the store said, as sources say it. */
function bucketError(error: unknown, place: string, signal: AbortSignal): unknown {
  signal.throwIfAborted();
  if (!(error instanceof CodedError) || !error.code.startsWith("storage_")) return error;
  const status = Number(/\((\d{3})/.exec(error.message)?.[1] ?? 0);
  if (status === 412) return new CodedError({ code: "source_changed", message: "The object changed while it was read", place, remedy: "The same attempt may work again.", retryable: true, cause: error });
  return status > 0 ? sourceStatus(status, place) : unreachableSource(error, place);
}
