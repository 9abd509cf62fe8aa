import type { S3Client } from "./s3-client.ts";
import { xmlElements, xmlText } from "./s3-xml.ts";

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
    // Not every store does what was asked; one that does says so.
    const name = xmlText(text, "EncodingType") === "url" ? (key: string) => decodeURIComponent(key.replaceAll("+", " ")) : (key: string) => key;
    for (const entry of xmlElements(text, "Contents")) {
      const key = name(xmlText(entry, "Key") ?? "");
      if (key.endsWith("/")) continue;
      yield { key, size: Number(xmlText(entry, "Size")), modified_at: new Date(xmlText(entry, "LastModified") ?? 0), etag: xmlText(entry, "ETag") };
    }
    token = xmlText(text, "NextContinuationToken");
    more = xmlText(text, "IsTruncated") === "true" && token !== null;
  }
}
