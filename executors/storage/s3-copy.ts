import { CodedError } from "./coded-error.ts";
import type { S3Answer, S3Client } from "./s3-client.ts";
import { abortUpload, finishUpload, startUpload } from "./s3-multipart.ts";
import { xmlText } from "./s3-xml.ts";

/** Bytes that the store copies in one request: it answers when it is done, and takes 5 GB at most. */
const COPY_BYTES = 512 << 20;

/** Copies an object within the bucket, the bytes staying in the store. Only one that still has the tag is copied; null: whatever is there. */
export async function copyObject(client: S3Client, bucket: string, { from, to, byte_size, etag }: { from: string; to: string; byte_size: number; etag: string | null }, most = COPY_BYTES): Promise<void> {
  const source = { "x-amz-copy-source": `/${bucket}/${from.split("/").map(encodeURIComponent).join("/")}`, ...(etag === null ? {} : { "x-amz-copy-source-if-match": etag }) };
  if (byte_size <= most) {
    copied(from, await client.call({ method: "PUT", key: to, headers: source, expect: [412] }));
    return;
  }
  const upload = await startUpload(client, to, {});
  try {
    const tags: string[] = [];
    for (let start = 0; start < byte_size; start += most) {
      const range = { "x-amz-copy-source-range": `bytes=${start}-${Math.min(start + most, byte_size) - 1}` };
      const query = { partNumber: String(tags.length + 1), uploadId: upload.id };
      tags.push(copied(from, await client.call({ method: "PUT", key: to, query, headers: { ...source, ...range }, expect: [412] })));
    }
    // 412: somebody was faster with the same bytes.
    const { status } = await finishUpload(client, upload, tags);
    if (status !== 200) await abortUpload(client, upload);
    if (status !== 200 && status !== 412) throw notCopied(from, `status ${status}`);
  } catch (error) {
    await abortUpload(client, upload).catch(() => undefined);
    throw error;
  }
}

/** The tag of the copy. The store answers 200 before it has copied; a failure then stands in the body. */
function copied(from: string, { status, text }: S3Answer): string {
  const tag = xmlText(text, "ETag");
  if (status === 412 || text.includes("<Error>") || tag === null) throw notCopied(from, xmlText(text, "Code") ?? `status ${status}`);
  return tag;
}

function notCopied(place: string, why: string): CodedError {
  return new CodedError({ code: "storage_unavailable", message: `The store did not copy the object (${why})`, place, remedy: "The same attempt may work again.", retryable: true });
}
