import { Readable } from "node:stream";
import { backoffMs, sleep } from "../core/backoff.ts";
import { CodedError } from "./coded-error.ts";
import { type S3Client, within } from "./s3-client.ts";

/**
 * The first answer is awaited, so that a missing object is known before the first byte; later failures go on where they were.
 * With `etag` only the object that has it is read.
 */
export async function readObject(client: S3Client, key: string, range: { start?: number; end?: number }, etag: string | null = null): Promise<Readable> {
  let at = range.start ?? 0;
  const open = async () => {
    const bytes: Record<string, string> = at > 0 || range.end !== undefined ? { range: `bytes=${at}-${range.end ?? ""}` } : {};
    const { response, controller } = await client.open({ method: "GET", key, headers: etag === null ? bytes : { ...bytes, "if-match": etag }, expect: [416] });
    etag ??= response.headers.get("etag");
    return { controller, reader: response.status === 416 || response.body === null ? null : response.body.getReader() };
  };
  let current = await open();
  let failures = 0;
  const next = async (): Promise<Uint8Array | null> => {
    for (;;) {
      const { reader, controller } = current;
      try {
        const chunk = reader === null ? null : await within(client.limits.idle_ms, controller, () => reader.read());
        if (chunk === null || chunk.done) return null;
        at += chunk.value.byteLength;
        failures = 0;
        return chunk.value;
      } catch (error) {
        controller.abort();
        failures += 1;
        if (failures >= client.limits.tries) throw cutOff(key, error);
        if (range.end !== undefined && at > range.end) return null;
        await sleep(backoffMs(failures, client.limits.backoff));
        current = await open();
      }
    }
  };
  return new Readable({
    highWaterMark: 1 << 20,
    read() {
      next().then((chunk) => this.push(chunk), (error: Error) => this.destroy(error));
    },
    destroy(error, done) {
      current.controller.abort();
      done(error);
    },
  });
}

function cutOff(place: string, cause: unknown): CodedError {
  return new CodedError({ code: "storage_unavailable", message: "The store stopped sending", place, remedy: "The same attempt may work again.", retryable: true, cause });
}
