import "server-only";
import { Readable } from "node:stream";
import type { Artifact } from "@/contracts/artifact.ts";
import { artifactStore, objectPath, readObject, storageError } from "@/lib/storage.ts";
import { parseRange } from "./byte-range.ts";

/** Shown in the browser; anything else is downloaded, because it is somebody's upload on our own origin. */
const shown = ["application/json", "application/x-ndjson", "text/plain", "text/csv", "image/png", "image/jpeg", "image/webp", "image/gif"];

/** Larger ones are read from the store itself where it has a door for that. */
const mostStreamedBytes = 4_500_000;
const readSeconds = 300;

/** The bytes of an artifact, with Range, If-Range and If-None-Match, or where to read them. Throws `range_not_satisfiable`, `storage_unavailable`. */
export async function artifactContent(artifact: Artifact, request: Request): Promise<Response> {
  const etag = `"${artifact.sha256}"`;
  const size = Number(artifact.byte_size);
  const headers = new Headers({
    ETag: etag,
    "Accept-Ranges": "bytes",
    // The bytes never change, but who may read them is a matter of the asker: only their own cache may keep them.
    "Cache-Control": "private, max-age=31536000, immutable",
    Vary: "Cookie, Authorization",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
  });
  const known = request.headers.get("if-none-match");
  if (known !== null && (known.trim() === "*" || known.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag))) {
    return new Response(null, { status: 304, headers });
  }
  const bare = artifact.content_type.split(";")[0]?.trim() ?? "";
  headers.set("Content-Type", /^(text\/|application\/(x-nd)?json)/.test(bare) && !artifact.content_type.includes("charset") ? `${artifact.content_type}; charset=utf-8` : artifact.content_type);
  headers.set("Content-Disposition", `${shown.includes(bare) ? "inline" : "attachment"}; filename="${artifact.name.replaceAll(/[^A-Za-z0-9._@=+-]/g, "_")}"`);
  const elsewhere = await storeUrl(artifact, headers, request);
  if (elsewhere !== null) return new Response(null, { status: 307, headers: { Location: elsewhere, "Cache-Control": "private, no-store", Vary: "Cookie, Authorization, Sec-Fetch-Dest" } });
  const condition = request.headers.get("if-range");
  const range = condition === null || condition.trim() === etag ? parseRange(request.headers.get("range"), size) : null;
  headers.set("Content-Length", String(range === null ? size : range.end - range.start + 1));
  if (range !== null) headers.set("Content-Range", `bytes ${range.start}-${range.end}/${size}`);
  const status = range === null ? 200 : 206;
  // A HEAD request must not open the object only to close it again.
  if (request.method === "HEAD" || size === 0) return new Response(null, { status, headers });
  const bytes = await openBytes(artifact.sha256, range ?? undefined);
  return new Response(Readable.toWeb(bytes) as ReadableStream<Uint8Array>, { status, headers });
}

/** A script of our own pages may read from nowhere else (its policy): it gets the bytes from us. */
async function storeUrl(artifact: Artifact, headers: Headers, request: Request): Promise<string | null> {
  if (request.method === "HEAD" || Number(artifact.byte_size) <= mostStreamedBytes || request.headers.get("sec-fetch-dest") === "empty") return null;
  const { direct } = await artifactStore();
  return direct?.readUrl(objectPath(artifact.sha256), { expires_seconds: readSeconds, content_type: headers.get("content-type")!, content_disposition: headers.get("content-disposition")! }) ?? null;
}

/** A stream of an object's bytes. Throws `storage_unavailable`. */
export async function openBytes(sha256: string, range?: { start: number; end: number }): Promise<Readable> {
  const store = await artifactStore();
  try {
    return await readObject(store, sha256, range);
  } catch (error) {
    throw storageError(error);
  }
}
