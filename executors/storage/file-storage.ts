import { randomUUID } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { type FileHandle, copyFile, link, mkdir, open, readFile, readdir, rename, stat, unlink } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { CodedError, errorCode } from "./coded-error.ts";
import type { Storage, StorageBody, StoredObject } from "./storage.ts";
import { relativePath } from "./storage-path.ts";

/** Unfinished writes live here, on the same file system as their target, so that link(2) can reach it. */
const UNFINISHED = ".unfinished";
/** Bytes of a stream that go to the disk in one call, while the next ones come. */
const WRITE_BYTES = 1 << 20;
const UNFINISHED_KEPT_MS = 24 * 3600 * 1000;

/** Storage in a folder. Put-if-absent is temporary file + fsync + link(2): rename(2) would replace a winner. */
export async function openFileStorage(root: string): Promise<Storage> {
  const base = resolve(root);
  const faults = <T>(path: string, action: () => Promise<T>): Promise<T> =>
    action().catch((error: unknown) => {
      throw storageFault(error, path);
    });
  await faults(base, () => mkdir(join(base, UNFINISHED), { recursive: true }));
  await removeAbandoned(join(base, UNFINISHED));

  const locate = (path: string): string => join(base, relativePath(path));

  const writeUnfinished = async (body: StorageBody): Promise<string> => {
    const file = join(base, UNFINISHED, randomUUID());
    try {
      if (isFileBody(body)) await copyFile(body.file, file, constants.COPYFILE_FICLONE);
      const handle = await open(file, isFileBody(body) ? "r+" : "wx");
      try {
        if (typeof body === "string" || body instanceof Uint8Array) await handle.writeFile(body);
        else if (!isFileBody(body)) await writeStream(handle, body);
        await handle.sync();
      } finally {
        await handle.close();
      }
      return file;
    } catch (error) {
      await discard(file);
      throw error;
    }
  };

  return {
    url: pathToFileURL(base).href.replace(/\/$/, ""),
    exclusive: true,
    localFile: async (path) => locate(path),
    direct: null,
    putIfAbsent: (path, body) => {
      const target = locate(path);
      return faults(path, async () => {
        const unfinished = await writeUnfinished(body);
        try {
          await makeFolder(dirname(target));
          await link(unfinished, target);
          await syncFolder(dirname(target));
          return true;
        } catch (error) {
          if (errorCode(error) === "EEXIST") return false;
          throw error;
        } finally {
          await discard(unfinished);
        }
      });
    },
    putPointer: (path, body) => {
      const target = locate(path);
      return faults(path, async () => {
        const unfinished = await writeUnfinished(body);
        try {
          await makeFolder(dirname(target));
          await rename(unfinished, target);
          await syncFolder(dirname(target));
        } catch (error) {
          await discard(unfinished);
          throw error;
        }
      });
    },
    read: async (path, range = {}) => {
      const target = locate(path);
      const handle = await faults(path, () => open(target, "r"));
      return createReadStream(target, { fd: handle, ...range, autoClose: true, highWaterMark: 1 << 18 });
    },
    readText: (path) => {
      const target = locate(path);
      return faults(path, () => readFile(target, "utf8").catch(nullWhenMissing));
    },
    stat: (path) => {
      const target = locate(path);
      return faults(path, async () => {
        const found = await stat(target).catch(nullWhenMissing);
        return found?.isFile() ? { path, size: found.size, modified_at: found.mtime } : null;
      });
    },
    list: (folder) => listFolder(base, folder === "" ? base : locate(folder)),
    remove: (path) => {
      const target = locate(path);
      return faults(path, async () => {
        await unlink(target).catch(nullWhenMissing);
      });
    },
  };
}

/** Translates a file system error into one with a stable code; what a body threw passes as it is. */
export function storageFault(error: unknown, place: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error;
  const code = errorCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new CodedError({
      code: "storage_full",
      message: "The disk is full",
      place,
      remedy: "Free space on the storage's disk, or move the storage; nothing was stored.",
      retryable: true,
      cause: error,
    });
  }
  if (code === "ENOENT") {
    return new CodedError({
      code: "object_missing",
      message: "There is no such object",
      place,
      remedy: "Check the path, and whether the object was removed by a clean-up.",
      cause: error,
    });
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new CodedError({
      code: "storage_unavailable",
      message: "The storage refuses access",
      place,
      remedy: "Give the executor's user access to the folder.",
      cause: error,
    });
  }
  return new CodedError({
    code: "storage_unavailable",
    message: `The storage failed: ${error.message}`,
    place,
    remedy: "See the cause; the same attempt may work again.",
    retryable: true,
    cause: error,
  });
}

async function* listFolder(base: string, folder: string): AsyncIterable<StoredObject> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(nullWhenMissing);
  for (const entry of entries ?? []) {
    const full = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (full !== join(base, UNFINISHED)) yield* listFolder(base, full);
      continue;
    }
    const found = await stat(full).catch(nullWhenMissing);
    if (found?.isFile()) {
      yield { path: relative(base, full).split(sep).join("/"), size: found.size, modified_at: found.mtime };
    }
  }
}

/** Makes the folder; every folder that is new is made durable in its parent. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first) return;
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; its file systems journal the entry with the link.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeStream(handle: FileHandle, body: AsyncIterable<Uint8Array>): Promise<void> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  let writing = Promise.resolve();
  const write = async (): Promise<void> => {
    await writing;
    writing = writeAll(handle, chunks, bytes);
    // Told by whoever awaits it next.
    writing.catch(() => undefined);
    chunks = [];
    bytes = 0;
  };
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.byteLength;
      if (bytes >= WRITE_BYTES) await write();
    }
    await write();
  } finally {
    await writing;
  }
}

async function writeAll(handle: FileHandle, chunks: Uint8Array[], bytes: number): Promise<void> {
  const { bytesWritten } = await handle.writev(chunks);
  if (bytesWritten === bytes) return;
  const rest = Buffer.concat(chunks);
  for (let done = bytesWritten; done < bytes; ) done += (await handle.write(rest, done)).bytesWritten;
}

/** Files that a killed writer left: nobody writes one object for a day. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const found = await stat(join(folder, name)).catch(nullWhenMissing);
    if (found && Date.now() - found.mtimeMs > UNFINISHED_KEPT_MS) await discard(join(folder, name));
  }
}

async function discard(file: string): Promise<void> {
  await unlink(file).catch(nullWhenMissing);
}

function nullWhenMissing(error: unknown): null {
  if (errorCode(error) === "ENOENT") return null;
  throw error;
}

function isFileBody(body: StorageBody): body is { file: string } {
  return typeof body === "object" && "file" in body;
}
