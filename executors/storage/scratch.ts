import { createReadStream } from "node:fs";
import { chmod, mkdtemp, mkdir, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Scratch } from "../core/scratch.ts";
import { hashFile } from "./background-hash.ts";

export interface DiskScratch extends Scratch {
  /** Removes everything that this executor made. */
  end(): Promise<void>;
}

/** Scratch folders on this machine's disk. `root` null: the system's folder for temporary files. Each executor has its own folder in it. */
export async function openScratch(root: string | null): Promise<DiskScratch> {
  const parent = root ?? tmpdir();
  await mkdir(parent, { recursive: true });
  const own = await mkdtemp(join(parent, "control-room-"));
  // To pass through, not to look: a child may run as another user, and has a folder of its own below.
  await chmod(own, 0o711);
  // What cannot be removed goes with the whole folder.
  const remove = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  return {
    open: () => mkdtemp(join(own, "phase-")),
    close: remove,
    end: () => remove(own),
    async create(folder, name) {
      const file = join(folder, name);
      const handle = await open(file, "wx");
      return {
        write: (chunk) => handle.appendFile(chunk),
        async done() {
          await handle.close();
          return { file };
        },
      };
    },
    ...localFiles,
  };
}

/** How files of this machine are hashed and sent. */
export const localFiles: Pick<Scratch, "hash" | "stream"> = {
  hash: hashFile,
  stream: (file) => Readable.toWeb(createReadStream(file, { highWaterMark: 1 << 18 })) as ReadableStream<Uint8Array>,
};
