import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { storageFault } from "./file-storage.ts";

/** A copy of a remote object in a folder, made once: whole under its name, or not there. */
export async function downloadOnce(folder: string, name: string, open: () => Promise<Readable>): Promise<string> {
  const file = join(folder, name);
  if (await access(file).then(() => true, () => false)) return file;
  const unfinished = join(folder, `.${randomUUID()}`);
  try {
    await pipeline(await open(), createWriteStream(unfinished));
    await rename(unfinished, file);
    return file;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw storageFault(error, name);
  }
}
