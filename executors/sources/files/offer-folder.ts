import { constants } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { Readable } from "node:stream";
import { CodedError, errorCode } from "../../storage/coded-error.ts";
import { storageFault } from "../../storage/file-storage.ts";
import { relativePath } from "../../storage/storage-path.ts";
import { filePattern } from "./file-pattern.ts";
import { byName, type OfferedFile } from "./offered-file.ts";

/**
 * Files of a folder of this machine. Nothing outside the folder is read, also by no link that somebody puts into it. Throws
 * CodedError `source_path_refused`, `source_unreachable`.
 */
export async function offerFolder(folder: string, path: string): Promise<OfferedFile[]> {
  const root = await realpath(folder).catch((error: unknown) => {
    throw new CodedError({ code: "source_unreachable", message: `The folder of the connection cannot be read (${errorCode(error) ?? "unknown"})`, place: "connection", remedy: "Make the folder where the executor runs, or correct the connection's variable.", cause: error });
  });
  const pattern = filePattern(relativePath(path));
  const names = pattern.literal ? ((await isThere(join(root, pattern.prefix))) ? [pattern.prefix] : []) : await walk(root, pattern.prefix, pattern.matches);
  // The bytes of a file here are read faster than they are typed and sorted: they are its identity, and no clock is.
  return names.map((name) => ({ name, identity: null, open: () => openInside(root, name), release: () => undefined })).toSorted(byName);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(() => true, (error: unknown) => {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return false;
    throw storageFault(error, "connection");
  });
}

async function walk(root: string, folder: string, matches: (path: string) => boolean): Promise<string[]> {
  const inside = await realpath(join(root, folder)).catch(() => null);
  if (inside === null || isOutside(root, inside)) return [];
  const found: string[] = [];
  for (const entry of await readdir(inside, { withFileTypes: true })) {
    const name = `${folder}${entry.name}`;
    // A link to a folder is not followed: it could lead in a circle. One to a file is looked at when it is opened.
    if (entry.isDirectory()) found.push(...(await walk(root, `${name}/`, matches)));
    else if ((entry.isFile() || entry.isSymbolicLink()) && matches(name)) found.push(name);
  }
  return found;
}

/** What was opened is looked at once more by name: between a look and an opening a folder can become a link. */
async function openInside(root: string, name: string): Promise<Readable> {
  const refused = (message: string): CodedError => new CodedError({ code: "source_path_refused", message, place: name, remedy: "Put the file itself into the connection's folder." });
  try {
    const real = await realpath(join(root, name));
    if (isOutside(root, real)) throw refused("The path leads out of the connection's folder");
    // A pipe would wait for a writer.
    const handle = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const [opened, named] = [await handle.stat({ bigint: true }), await realpath(join(root, name))];
      if (!opened.isFile()) throw refused("This is no file");
      const again = await stat(named, { bigint: true });
      if (isOutside(root, named) || again.ino !== opened.ino || again.dev !== opened.dev) throw refused("The path leads out of the connection's folder, or is changing");
      return handle.createReadStream({ highWaterMark: 1 << 20 });
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    if (errorCode(error) === "ELOOP") throw refused("The path leads out of the connection's folder, or is changing");
    throw storageFault(error, name);
  }
}

function isOutside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === ".." || way.startsWith(`..${sep}`);
}
