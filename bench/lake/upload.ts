import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { putObject } from "../../executors/storage/object-store.ts";
import { openStorage } from "../../executors/storage/storage.ts";
import type { Figure } from "../figures.ts";

const chunk = Buffer.alloc(1 << 20, "an artifact's bytes ");

/** Storing an object under its hash, against storing the same stream without a look at it. */
export async function upload(folder: string, megabytes: number): Promise<Figure[]> {
  const storage = await openStorage(pathToFileURL(`${folder}/objects`).href);
  async function* body(): AsyncIterable<Uint8Array> {
    for (let sent = 0; sent < megabytes; sent += 1) yield chunk;
  }
  const hash = createHash("sha256");
  for await (const part of body()) hash.update(part);
  const sha256 = hash.digest("hex");
  const seconds = async (work: () => Promise<unknown>): Promise<number> => {
    const started = performance.now();
    await work();
    return (performance.now() - started) / 1000;
  };
  await seconds(() => storage.putIfAbsent("warm", body()));
  const before = process.memoryUsage.rss();
  const plain = await seconds(() => storage.putIfAbsent("plain", body()));
  const hashed = await seconds(() => putObject(storage, body(), { sha256 }));
  return [
    { name: `${megabytes} MB stored under their hash`, value: megabytes / hashed, unit: "MB/s" },
    { name: "  against the same stream stored unseen", value: (100 * plain) / hashed, unit: "%", target: "≥ 85" },
    { name: "  more memory of the process", value: Math.max(0, process.memoryUsage.rss() - before) / 1e6, unit: "MB", target: "< 150" },
  ];
}
