import { hashStream } from "./background-hash.ts";
import { CodedError } from "./coded-error.ts";
import { copyObject } from "./s3-copy.ts";
import type { S3Client } from "./s3-client.ts";
import { listKeys, listUploads } from "./s3-list.ts";
import { abortUpload, finishUpload, startUpload } from "./s3-multipart.ts";
import { readObject } from "./s3-read.ts";
import type { S3Settings } from "./s3-settings.ts";
import type { DirectUploads } from "./storage.ts";
import { relativePath } from "./storage-path.ts";

/** Bytes that go in one request: what a broken line sends again at most. */
const WHOLE_BYTES = 256 << 20;
/** Bytes of a part, which its sender holds in memory; larger where there would be more than so many. */
const PART_BYTES = 32 << 20;
const MOST_PARTS = 2000;

/** `checks`: whether the store refuses bytes that are not those of the checksum sent with them; it is then asked for it, and else the bytes are read and hashed. */
export function s3Uploads(client: S3Client, settings: S3Settings, checks: boolean): DirectUploads {
  const keyOf = (path: string): string => `${settings.prefix}${relativePath(path)}`;

  return {
    async begin(path, { sha256, byte_size, expires_seconds }) {
      const key = keyOf(path);
      if (byte_size <= WHOLE_BYTES) {
        const headers = { "x-amz-checksum-sha256": Buffer.from(sha256, "hex").toString("base64") };
        return { url: await client.presign({ method: "PUT", key, headers, expires_seconds }), headers, parts: [], upload_id: null };
      }
      const { id } = await startUpload(client, key, {});
      const url = (number: number) => client.presign({ method: "PUT", key, query: { partNumber: String(number), uploadId: id }, headers: {}, expires_seconds });
      const parts = await Promise.all(partSizes(byte_size).map(async (size, index) => ({ url: await url(index + 1), byte_size: size })));
      return { url: parts[0]!.url, headers: {}, parts, upload_id: id };
    },

    async finish(path, { to, sha256, max_bytes, upload_id, etags }) {
      const key = keyOf(path);
      // Without one object the upload has ended before: its parts are together, or were never sent.
      if (upload_id !== null && (await finishUpload(client, { key, id: upload_id }, etags)).status === 400) throw partsRefused(path);
      const head = await client.call({ method: "HEAD", key, headers: { "x-amz-checksum-mode": "ENABLED" }, expect: [404] });
      if (head.status === 404) throw nothingSent(path);
      const byte_size = Number(head.headers.get("content-length"));
      const etag = head.headers.get("etag");
      const refuse = async (error: CodedError): Promise<never> => {
        await client.call({ method: "DELETE", key, expect: [404] });
        throw error;
      };
      if (byte_size > max_bytes) return refuse(tooLarge(path, max_bytes));
      const attested = checks && upload_id === null ? head.headers.get("x-amz-checksum-sha256") : null;
      const actual = attested !== null ? Buffer.from(attested, "base64").toString("hex") : (await hashStream(await readObject(client, key, {}, etag))).sha256;
      if (actual !== sha256) return refuse(otherBytes(path, sha256, actual));
      const target = keyOf(to);
      if ((await client.call({ method: "HEAD", key: target, expect: [404] })).status === 404) await copyObject(client, settings.bucket, { from: key, to: target, byte_size, etag });
      return { byte_size };
    },

    async sweep(folder, before) {
      const prefix = `${keyOf(folder)}/`;
      let swept = 0;
      for await (const { key, id, started_at } of listUploads(client, prefix)) {
        if (started_at >= before) continue;
        await abortUpload(client, { key, id });
        swept += 1;
      }
      for await (const { key, modified_at } of listKeys(client, prefix)) {
        if (modified_at >= before) continue;
        await client.call({ method: "DELETE", key, expect: [404] });
        swept += 1;
      }
      return swept;
    },
  };
}

function partSizes(byte_size: number): number[] {
  const most = Math.max(PART_BYTES, Math.ceil(byte_size / MOST_PARTS / (1 << 20)) * (1 << 20));
  return Array.from({ length: Math.ceil(byte_size / most) }, (_, index) => Math.min(most, byte_size - index * most));
}

function nothingSent(place: string): CodedError {
  return new CodedError({ code: "object_missing", message: "Nothing was sent to the upload's URL", place, remedy: "Ask for an upload URL, send the bytes there, then finish the upload." });
}

function partsRefused(place: string): CodedError {
  return new CodedError({ code: "object_missing", message: "The store does not have these parts", place, remedy: "Send all parts, and give the ETag of each answer in their order." });
}

function otherBytes(place: string, expected: string, actual: string): CodedError {
  return new CodedError({ code: "hash_mismatch", message: `The bytes hash to ${actual}, not to ${expected}`, place, remedy: "Send the bytes again, or the hash that belongs to them; nothing was stored." });
}

function tooLarge(place: string, most: number): CodedError {
  return new CodedError({ code: "payload_too_large", message: `The object is larger than the ${most} bytes allowed`, place, remedy: "Store a smaller object, or raise the limit." });
}
