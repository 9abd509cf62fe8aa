import { fork, type ChildProcess } from "node:child_process";
import path from "node:path";
import type { AsyncBuffer } from "hyparquet";
import type { PreviewSize, TablePreview } from "./parquet-preview.mjs";
import { mostColumns } from "./text-preview.ts";

export type ToChild = { byteLength: number; allocated_bytes: number; size: PreviewSize } | { id: number; bytes: Uint8Array };
export interface FromChild { ask?: { id: number; start: number; end: number }; table?: TablePreview | null }

const MiB = 1024 * 1024;
/** What one preview may cost. A file says of itself how large its pages are, and whoever uploads it may say anything. */
export const previewLimits = { milliseconds: 10_000, heap_mb: 192, allocated_bytes: 512 * MiB, read_bytes: 80 * MiB };
export const previewSize: PreviewSize = { rows: 50, columns: mostColumns, cell: 10_000, table: 4_000_000 };
export type PreviewLimits = typeof previewLimits;

const atOnce = 2;
let running = 0;
const queue: (() => void)[] = [];

/**
 * The first rows of a Parquet file, read in a process of its own: no environment, a heap of its own (one that is full ends a process,
 * and no thread alone), and an end when it takes too long or asks for too much. Two at once; others wait. Null for a file that cannot be
 * shown within the limits, or is no Parquet. Throws what `file.slice` throws.
 */
export async function previewInSandbox(file: AsyncBuffer, limits: PreviewLimits = previewLimits, started: (child: ChildProcess) => void = () => undefined): Promise<TablePreview | null> {
  if (running >= atOnce) await new Promise<void>((resolve) => queue.push(resolve));
  else running += 1;
  try {
    return await preview(file, limits, started);
  } finally {
    const next = queue.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

async function preview(file: AsyncBuffer, limits: PreviewLimits, started: (child: ChildProcess) => void): Promise<TablePreview | null> {
  // No module of the bundle: next.config.ts names the files for builds that copy what they trace.
  const script = path.join(/*turbopackIgnore: true*/ process.cwd(), "lib/ops/parquet-child.mjs");
  const child = fork(/*turbopackIgnore: true*/ script, [], { env: { NODE_ENV: "production" }, execArgv: [`--max-old-space-size=${limits.heap_mb}`], serialization: "advanced", stdio: ["ignore", "ignore", "ignore", "ipc"] });
  started(child);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<TablePreview | null>((resolve, reject) => {
      const send = (message: ToChild): void => void child.send(message, () => undefined); // one that has ended says so itself
      let left = limits.read_bytes;
      const answer = async ({ id, start, end }: NonNullable<FromChild["ask"]>): Promise<void> => {
        left -= end - start;
        if (!(start >= 0 && start <= end && end <= file.byteLength && left >= 0)) return resolve(null);
        send({ id, bytes: new Uint8Array(await file.slice(start, end)) });
      };
      timer = setTimeout(() => resolve(null), limits.milliseconds);
      child.on("message", ({ ask, table }: FromChild) => {
        if (ask === undefined) resolve(table ?? null);
        else answer(ask).catch(reject);
      });
      child.on("error", () => resolve(null));
      child.on("exit", () => resolve(null));
      send({ byteLength: file.byteLength, allocated_bytes: limits.allocated_bytes, size: previewSize });
    });
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
  }
}
