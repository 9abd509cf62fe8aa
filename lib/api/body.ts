import { gunzipSync } from "node:zlib";
import { isStorableText } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";

/** Deeper JSON is refused: whoever walks it later would run out of stack. */
const maxDepth = 200;

/**
 * The JSON value of a request's body, read with a limit (bytes, counted while it streams) and checked to be UTF-8,
 * JSON, and text that the database can hold. An empty body is `{}`. Throws `unsupported_media_type`,
 * `payload_too_large`, `limit_exceeded`, `invalid_json`, `invalid_text`.
 */
export async function readJsonBody(request: Request, limitBytes: number): Promise<unknown> {
  const bytes = unpacked(await readLimited(request, limitBytes), request.headers.get("content-encoding"), limitBytes);
  if (bytes.byteLength === 0) return {};
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type !== "application/json") {
    throw new ControlRoomError("unsupported_media_type", type === "" ? "The body has no content type." : `The body is ${JSON.stringify(type.slice(0, 100))}.`);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ControlRoomError("invalid_json", "The body is not UTF-8.", { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw notJson(text, cause);
  }
  refuseDeep(value);
  // What cannot be stored can only have come by an escape: raw, it is no JSON, or no UTF-8.
  if (suspicious.test(text)) refuseUnstorable(value);
  return value;
}

/** What was sent with `Content-Encoding: gzip`, as OpenLineage's clients may: no larger than it might come plain. */
function unpacked(bytes: Uint8Array, encoding: string | null, limitBytes: number): Uint8Array {
  if (encoding === null || encoding.toLowerCase() === "identity" || bytes.byteLength === 0) return bytes;
  if (encoding.toLowerCase() !== "gzip") throw new ControlRoomError("unsupported_media_type", `The body is encoded as ${JSON.stringify(encoding.slice(0, 100))}: send it plain, or with gzip.`);
  try {
    return gunzipSync(bytes, { maxOutputLength: limitBytes });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ERR_BUFFER_TOO_LARGE") throw new ControlRoomError("payload_too_large", `The body unpacks to more than the ${limitBytes} bytes that this call takes.`, { cause });
    throw new ControlRoomError("invalid_json", "The body is not gzip.", { cause });
  }
}

async function readLimited(request: Request, limitBytes: number): Promise<Uint8Array> {
  const tooLarge = (): ControlRoomError => new ControlRoomError("payload_too_large", `The body is larger than the ${limitBytes} bytes that this call takes.`);
  if (Number(request.headers.get("content-length") ?? 0) > limitBytes) throw tooLarge();
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > limitBytes) {
      await reader.cancel();
      throw tooLarge();
    }
    chunks.push(value);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

/** V8 names the offset in its message ("at position 17"); people want line and column. */
function notJson(text: string, cause: unknown): ControlRoomError {
  const position = /at position (\d+)/.exec(cause instanceof Error ? cause.message : "")?.[1];
  const before = text.slice(0, position === undefined ? text.length : Number(position));
  const line = before.split("\n").length;
  const column = before.length - before.lastIndexOf("\n");
  return new ControlRoomError("invalid_json", `The body is not valid JSON at line ${line}, column ${column}.`, {
    errors: [{ path: "", message: "is not valid JSON here", line, column }],
    cause,
  });
}

/** Escapes of NUL and of surrogates, lone or not. */
const suspicious = /\\u(?:0000|d[89a-f])/i;

/** Recursion is safe: it goes no deeper than what is allowed. Lists of all values of each level took a fifth of a batch's time in the web server. */
function refuseDeep(value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth >= maxDepth) throw new ControlRoomError("limit_exceeded", `The body is nested deeper than ${maxDepth} levels.`);
  if (Array.isArray(value)) for (const item of value) refuseDeep(item, depth + 1);
  else for (const key in value) refuseDeep((value as Record<string, unknown>)[key], depth + 1);
}

function refuseUnstorable(value: unknown): void {
  const open: { value: unknown; path: string }[] = [{ value, path: "" }];
  const refused = (path: string): ControlRoomError =>
    new ControlRoomError("invalid_text", undefined, { errors: [{ path, message: "holds a NUL byte or a lone surrogate" }] });
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    if (typeof entry.value === "string" && !isStorableText(entry.value)) throw refused(entry.path);
    if (typeof entry.value !== "object" || entry.value === null) continue;
    for (const [key, item] of Object.entries(entry.value)) {
      if (!isStorableText(key)) throw refused(entry.path);
      const plain = typeof item !== "object" && typeof item !== "string";
      if (!plain) open.push({ value: item, path: `${entry.path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}` });
    }
  }
}
