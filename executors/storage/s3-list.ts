import type { S3Client } from "./s3-client.ts";
import { xmlElements, xmlText } from "./s3-xml.ts";

/** Uploads in parts below the prefix that were begun and neither finished nor given up; a thousand at most, the next call finds others. */
export async function* listUploads(client: S3Client, prefix: string): AsyncIterable<{ key: string; id: string; started_at: Date }> {
  const { text } = await client.call({ method: "GET", query: { uploads: "", "encoding-type": "url", prefix }, expect: [] });
  const name = keyReader(text);
  for (const entry of xmlElements(text, "Upload")) {
    yield { key: name(xmlText(entry, "Key") ?? ""), id: xmlText(entry, "UploadId") ?? "", started_at: new Date(xmlText(entry, "Initiated") ?? 0) };
  }
}

/** Not every store does what was asked; one that does says so. */
function keyReader(xml: string): (key: string) => string {
  return xmlText(xml, "EncodingType") === "url" ? (key) => decodeURIComponent(key.replaceAll("+", " ")) : (key) => key;
}

export interface ListedKey {
  key: string;
  size: number;
  modified_at: Date;
  /** As the store wrote it, with its quotes. */
  etag: string | null;
}

/** Every object whose key starts with the prefix, a thousand in a call; names that end in a slash are no objects. */
export async function* listKeys(client: S3Client, prefix: string): AsyncIterable<ListedKey> {
  for (let token: string | null = null, more = true; more; ) {
    const query: Record<string, string> = { "list-type": "2", "encoding-type": "url", prefix, ...(token === null ? {} : { "continuation-token": token }) };
    const { text } = await client.call({ method: "GET", query, expect: [] });
    const name = keyReader(text);
    for (const entry of xmlElements(text, "Contents")) {
      const key = name(xmlText(entry, "Key") ?? "");
      if (key.endsWith("/")) continue;
      yield { key, size: Number(xmlText(entry, "Size")), modified_at: new Date(xmlText(entry, "LastModified") ?? 0), etag: xmlText(entry, "ETag") };
    }
    token = xmlText(text, "NextContinuationToken");
    more = xmlText(text, "IsTruncated") === "true" && token !== null;
  }
}
