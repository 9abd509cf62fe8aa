import { artifactPage, storedObject, uploadUrlResponse, type Artifact } from "../../contracts/artifact.ts";
import { ControlRoomError } from "../../contracts/error.ts";
import type { CallOptions, ControlPlane, Upload } from "./control-plane.ts";
import { sha256Of } from "./hash.ts";
import { jsonAnswer, patientRetry, remoteCall } from "./remote-call.ts";

const callTimeoutMs = 30_000;
const largestReadBytes = 64 * 1024 * 1024;
/** A slow line may take long, a dead one not: a minute, and a second for each 256 kB. */
function transferTimeoutMs(bytes: number): number {
  return 60_000 + Math.ceil(bytes / (256 * 1024)) * 1000;
}

export interface HttpSettings {
  /** The control room, without /api/v1. */
  url: string;
  token: string;
}

export function apiUrl(settings: HttpSettings, path: string): string {
  return `${settings.url.replace(/\/+$/, "")}/api/v1${path}`;
}

/** Later ones win, whatever their case: two spellings of a name would be sent as one header with two values. */
function merged(...all: Record<string, string>[]): Record<string, string> {
  return Object.assign({}, ...all.map((each) => Object.fromEntries(Object.entries(each).map(([name, value]) => [name.toLowerCase(), value])))) as Record<string, string>;
}

/** The content in pieces of the given sizes, one in memory at a time: a part can be sent again, the stream not. */
async function* cutInto(parts: { url: string; byte_size: number }[], content: ReturnType<Upload["open"]>): AsyncIterable<{ url: string; bytes: Uint8Array<ArrayBuffer> }> {
  const chunks = (content instanceof Uint8Array ? [content] : content) as AsyncIterable<Uint8Array> | Uint8Array[];
  let [at, filled] = [0, 0];
  let bytes: Uint8Array<ArrayBuffer> | null = null;
  for await (const chunk of chunks) {
    for (let rest = chunk; rest.byteLength > 0; ) {
      const part = parts[at];
      if (part === undefined) throw new Error("the content is longer than it was said to be");
      bytes ??= new Uint8Array(part.byte_size);
      const piece = rest.subarray(0, part.byte_size - filled);
      bytes.set(piece, filled);
      filled += piece.byteLength;
      rest = rest.subarray(piece.byteLength);
      if (filled < part.byte_size) continue;
      yield { url: part.url, bytes };
      [at, filled, bytes] = [at + 1, 0, null];
    }
  }
  if (at < parts.length) throw new Error("the content is shorter than it was said to be");
}

/** The calls that carry bytes; they go over /api/v1 in both transports. */
export function objectTransport(settings: HttpSettings): Pick<ControlPlane, "uploadObject" | "listArtifacts" | "readArtifact"> {
  const authorization = { authorization: `Bearer ${settings.token}` };
  const absolute = (url: string): string => new URL(url, settings.url).href;
  /** The token goes to the control room alone, never to a store behind a presigned URL. */
  const ownHeaders = (url: string): Record<string, string> => (new URL(url).origin === new URL(settings.url).origin ? authorization : {});

  return {
    async uploadObject(upload: Upload, options: CallOptions = {}) {
      const answer = await remoteCall({
        method: "POST", url: apiUrl(settings, `/objects/${upload.sha256}/upload-url`), retry: patientRetry,
        headers: { ...authorization, "content-type": "application/json" }, timeout_ms: options.timeout_ms ?? callTimeoutMs, signal: options.signal,
        body: () => JSON.stringify({ byte_size: upload.byte_size, environment_id: upload.environment_id }), answer: jsonAnswer(uploadUrlResponse),
      });
      if (answer.stored) return { sent: false };
      const put = (to: string, byte_size: number, body: Upload["open"]): Promise<string> => {
        const url = absolute(to);
        const own = ownHeaders(url);
        return remoteCall({
          method: "PUT", url, retry: { ...patientRetry, attempts: 5 }, timeout_ms: transferTimeoutMs(byte_size), signal: options.signal,
          headers: merged({ "content-type": "application/octet-stream" }, answer.headers, own, { "content-length": String(byte_size) }), body,
          // A store of its own answers in its own words.
          async answer(response) {
            if ("authorization" in own) await jsonAnswer(storedObject)(response);
            else await response.arrayBuffer();
            return response.headers.get("etag") ?? "";
          },
        });
      };
      const etags: string[] = [];
      if (answer.parts.length === 0) await put(answer.url, upload.byte_size, upload.open);
      else for await (const { url, bytes } of cutInto(answer.parts, upload.open())) etags.push(await put(url, bytes.byteLength, () => bytes));
      if (answer.finish_url !== null) {
        const url = absolute(answer.finish_url);
        await remoteCall({
          method: "POST", url, retry: patientRetry, headers: { ...ownHeaders(url), "content-type": "application/json" }, timeout_ms: transferTimeoutMs(upload.byte_size), signal: options.signal,
          body: () => JSON.stringify({ environment_id: upload.environment_id, upload_id: answer.upload_id, etags }), answer: jsonAnswer(storedObject),
        });
      }
      return { sent: true };
    },

    async listArtifacts(runId, options = {}) {
      const items: Artifact[] = [];
      for (let cursor: string | null = ""; cursor !== null;) {
        const query = cursor === "" ? "" : `?cursor=${encodeURIComponent(cursor)}`;
        const page: { items: Artifact[]; next_cursor: string | null } = await remoteCall({
          method: "GET", url: apiUrl(settings, `/runs/${runId}/artifacts${query}`), headers: authorization,
          timeout_ms: options.timeout_ms ?? callTimeoutMs, signal: options.signal, retry: patientRetry, answer: jsonAnswer(artifactPage),
        });
        items.push(...page.items);
        cursor = page.next_cursor;
      }
      return items;
    },

    async readArtifact(artifact, options = {}) {
      if (Number(artifact.byte_size) > largestReadBytes) throw new ControlRoomError("payload_too_large", `Artifact ${artifact.name} has ${artifact.byte_size} bytes.`);
      const url = absolute(artifact.url);
      const bytes = await remoteCall({
        method: "GET", url, headers: ownHeaders(url), timeout_ms: transferTimeoutMs(Number(artifact.byte_size)), signal: options.signal, retry: patientRetry,
        answer: async (response) => new Uint8Array(await response.arrayBuffer()),
      });
      if (sha256Of(bytes) !== artifact.sha256) throw new ControlRoomError("hash_mismatch", `The bytes of artifact ${artifact.name} (${artifact.artifact_id}) do not have the registered SHA-256.`);
      return bytes;
    },
  };
}
