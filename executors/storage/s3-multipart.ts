import { CodedError } from "./coded-error.ts";
import type { S3Answer, S3Client } from "./s3-client.ts";
import { escapeXml, xmlText } from "./s3-xml.ts";

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html

export interface Upload {
  key: string;
  id: string;
}

export async function startUpload(client: S3Client, key: string, headers: Record<string, string>): Promise<Upload> {
  const { text } = await client.call({ method: "POST", key, query: { uploads: "" }, headers, expect: [] });
  const id = xmlText(text, "UploadId");
  if (id === null) throw unreadable(key, "The store started no upload");
  return { key, id };
}

/** Sends one part (numbers from 1) and answers its tag. A part that is sent again replaces itself. */
export async function uploadPart(client: S3Client, { key, id }: Upload, number: number, body: Uint8Array): Promise<string> {
  const { headers } = await client.call({ method: "PUT", key, query: { partNumber: String(number), uploadId: id }, body, expect: [] });
  const tag = headers.get("etag");
  if (tag === null) throw unreadable(key, "The store gave a part no tag");
  return tag;
}

/** Makes the object where none is: 200, 412 where the path is taken, 404 where the upload has ended already, 400 for parts that are not there. */
export async function finishUpload(client: S3Client, { key, id }: Upload, tags: string[]): Promise<S3Answer> {
  const parts = tags.map((tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`);
  const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</CompleteMultipartUpload>`;
  const answer = await client.call({ method: "POST", key, query: { uploadId: id }, body, headers: { "if-none-match": "*" }, expect: [400, 404, 412] });
  // The store answers 200 before it has put the parts together; a failure then stands in the body.
  if (answer.status === 200 && answer.text.includes("<Error>")) {
    if (xmlText(answer.text, "Code") === "PreconditionFailed") return { ...answer, status: 412 };
    throw unreadable(key, `The store could not finish the upload (${xmlText(answer.text, "Code") ?? "no code"})`);
  }
  return answer;
}

/** Gives the parts' room back; silent when the upload has ended. */
export async function abortUpload(client: S3Client, { key, id }: Upload): Promise<void> {
  await client.call({ method: "DELETE", key, query: { uploadId: id }, expect: [404] });
}

function unreadable(place: string, message: string): CodedError {
  return new CodedError({ code: "storage_unavailable", message, place, remedy: "The same attempt may work again.", retryable: true });
}
