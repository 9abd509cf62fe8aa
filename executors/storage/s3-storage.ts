import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { CodedError } from "./coded-error.ts";
import { downloadOnce } from "./local-copy.ts";
import { type S3Client, s3Client } from "./s3-client.ts";
import { listKeys } from "./s3-list.ts";
import { readObject } from "./s3-read.ts";
import { type S3Settings, s3Settings } from "./s3-settings.ts";
import { abortUpload, finishUpload, startUpload, uploadPart } from "./s3-multipart.ts";
import { s3Uploads } from "./s3-uploads.ts";
import type { Storage, StorageBody, StoredObject } from "./storage.ts";
import { relativePath } from "./storage-path.ts";

/** Bytes of a part; what is smaller goes in one request. 10,000 parts are the protocol's limit: 160 GB. */
const PART_BYTES = 16 << 20;
/** Parts on their way while the next one fills. */
const PARTS_AT_ONCE = 2;
/** Which call wrote an object: a call whose answer was lost recognises its own work by it. */
const WRITE_ID = "x-amz-meta-write-id";
const PROBES = ".probe/";

/** Storage in an S3 bucket. Throws `storage_url_unsupported`, `not_configured`, `storage_unavailable`. */
export async function openS3Storage(url: string, env: Record<string, string | undefined> = process.env): Promise<Storage> {
  const settings = s3Settings(url, env);
  const client = s3Client(settings);
  const root = `s3://${settings.bucket}${settings.prefix === "" ? "" : `/${settings.prefix.slice(0, -1)}`}`;
  return s3Storage(root, settings, client, await probeOnce(settings, client));
}

interface Abilities {
  /** Conditional writes decide races. */
  exclusive: boolean;
  /** Bytes that are not those of a checksum sent with them are refused. */
  checks: boolean;
}
const probed = new Map<string, Promise<Abilities>>();

/** Once per bucket and key in a process; asked again after a failure. */
function probeOnce(settings: S3Settings, client: S3Client): Promise<Abilities> {
  const { prefix, ...place } = settings;
  const key = JSON.stringify(place);
  const known = probed.get(key);
  if (known !== undefined) return known;
  const probing = probe(client, prefix).then(async (exclusive) => ({ exclusive, checks: await probeChecks(client, prefix) }));
  probed.set(key, probing);
  probing.catch(() => probed.delete(key));
  return probing;
}

/** What the store's conditional writes are worth: of two writes of one path the second must be refused, also in parts. */
async function probe(client: S3Client, prefix: string): Promise<boolean> {
  const key = `${prefix}${PROBES}${randomUUID()}`;
  try {
    if (!(await putOnce(client, key, "first"))) return false;
    if (await putOnce(client, key, "second")) return false;
    return !(await putParts(client, key, new Uint8Array([0]), nothing()));
  } catch (error) {
    // Some stores refuse the header instead of obeying it.
    if (error instanceof CodedError && /\b(400|501)\b/.test(error.message)) return false;
    throw error;
  } finally {
    await client.call({ method: "DELETE", key, expect: [404] });
  }
}

/** Whether the store looks at a checksum: of a text it is told that of another one. */
async function probeChecks(client: S3Client, prefix: string): Promise<boolean> {
  const key = `${prefix}${PROBES}${randomUUID()}`;
  const other = createHash("sha256").update("other").digest("base64");
  const { status } = await client.call({ method: "PUT", key, body: "one", headers: { "x-amz-checksum-sha256": other }, expect: [400, 501] });
  if (status !== 200) return status === 400;
  await client.call({ method: "DELETE", key, expect: [404] });
  return false;
}

function s3Storage(url: string, settings: S3Settings, client: S3Client, { exclusive, checks }: Abilities): Storage {
  const keyOf = (path: string): string => `${settings.prefix}${relativePath(path)}`;
  const head = (key: string) => client.call({ method: "HEAD", key, expect: [404] });
  const read: Storage["read"] = (path, range = {}) => readObject(client, keyOf(path), range);

  return {
    url,
    exclusive,
    async putIfAbsent(path, body) {
      const key = keyOf(path);
      if (typeof body === "string" || body instanceof Uint8Array) return putOnce(client, key, body);
      const parts = partsOf(body);
      const first = await parts.next();
      if (first.done === true) return putOnce(client, key, "");
      const second = await parts.next();
      if (second.done === true) return putOnce(client, key, first.value);
      if ((await head(key)).status !== 404) {
        for await (const _ of parts);
        return false;
      }
      return putParts(client, key, first.value, following(second.value, parts));
    },
    async putPointer(path, body) {
      await client.call({ method: "PUT", key: keyOf(path), body, expect: [] });
    },
    read,
    async readText(path) {
      const answer = await client.call({ method: "GET", key: keyOf(path), expect: [404] });
      return answer.status === 404 ? null : answer.text;
    },
    async stat(path) {
      const answer = await head(keyOf(path));
      if (answer.status === 404) return null;
      return { path: relativePath(path), size: Number(answer.headers.get("content-length")), modified_at: new Date(answer.headers.get("last-modified") ?? 0) };
    },
    list: (folder) => listObjects(client, settings.prefix, folder === "" ? "" : `${relativePath(folder)}/`),
    async remove(path) {
      await client.call({ method: "DELETE", key: keyOf(path), expect: [404] });
    },
    async localFile(path, folder) {
      const name = createHash("sha256").update(`${url}/${relativePath(path)}`).digest("hex").slice(0, 32);
      return downloadOnce(folder, `${name}${extname(path)}`, () => read(path));
    },
    direct: {
      ...s3Uploads(client, settings, checks),
      readUrl: (path, { expires_seconds, content_type, content_disposition }) =>
        client.presign({ method: "GET", key: keyOf(path), query: { "response-content-type": content_type, "response-content-disposition": content_disposition }, headers: {}, expires_seconds }),
    },
  };
}

/** One request. 412: the path is taken, unless it was an earlier try of this very call that took it. */
async function putOnce(client: S3Client, key: string, body: Uint8Array | string): Promise<boolean> {
  const id = randomUUID();
  const answer = await client.call({ method: "PUT", key, body, headers: { "if-none-match": "*", [WRITE_ID]: id }, expect: [412] });
  if (answer.status !== 412) return true;
  return answer.repeated && (await wrote(client, key, id));
}

/** In parts, which appear as one object at the end or not at all. */
async function putParts(client: S3Client, key: string, first: Uint8Array, rest: AsyncIterable<Uint8Array>): Promise<boolean> {
  const id = randomUUID();
  const upload = await startUpload(client, key, { [WRITE_ID]: id });
  try {
    const sent: Promise<string>[] = [];
    const send = async (part: Uint8Array): Promise<void> => {
      const number = sent.length + 1;
      const uploading = uploadPart(client, upload, number, part);
      // Awaited below; until then a failure must not end the process.
      uploading.catch(() => undefined);
      sent.push(uploading);
      await sent[sent.length - 1 - PARTS_AT_ONCE];
    };
    await send(first);
    for await (const part of rest) await send(part);
    const answer = await finishUpload(client, upload, await Promise.all(sent));
    if (answer.status === 200) return true;
    if (answer.repeated && (await wrote(client, key, id))) return true;
    if (answer.status === 404 || answer.status === 400) throw uploadLost(key);
    await abortUpload(client, upload);
    return false;
  } catch (error) {
    await abortUpload(client, upload).catch(() => undefined);
    throw error;
  }
}

async function wrote(client: S3Client, key: string, id: string): Promise<boolean> {
  const found = await client.call({ method: "HEAD", key, expect: [404] });
  return found.status !== 404 && found.headers.get(WRITE_ID) === id;
}

async function* listObjects(client: S3Client, root: string, folder: string): AsyncIterable<StoredObject> {
  for await (const { key, size, modified_at } of listKeys(client, `${root}${folder}`)) {
    const path = key.slice(root.length);
    if (!path.startsWith(PROBES)) yield { path, size, modified_at };
  }
}

/** The body in pieces of one part; the last may be smaller. */
async function* partsOf(body: Exclude<StorageBody, string | Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const chunks = "file" in body ? createReadStream(body.file, { highWaterMark: 1 << 20 }) : body;
  let part: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
    for (let rest = chunk; rest.byteLength > 0; ) {
      const piece = rest.subarray(0, PART_BYTES - size);
      part.push(piece);
      size += piece.byteLength;
      rest = rest.subarray(piece.byteLength);
      if (size < PART_BYTES) continue;
      yield Buffer.concat(part);
      part = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(part);
}

async function* following(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield first;
  yield* rest;
}

async function* nothing(): AsyncIterable<Uint8Array> {}

function uploadLost(place: string): CodedError {
  return new CodedError({ code: "storage_unavailable", message: "The store no longer knows this upload", place, remedy: "The same attempt may work again; a rule of the bucket may remove unfinished uploads too early.", retryable: true });
}
