import { isAbsolute, posix } from "node:path";
import { CodedError } from "./coded-error.ts";

/** The path in one spelling. Throws `storage_path_invalid` for one that leaves its root. */
export function relativePath(path: string): string {
  const clean = posix.normalize(path);
  if (path !== "" && !path.includes("\0") && !isAbsolute(path) && clean !== ".." && !clean.startsWith("../")) return clean;
  throw new CodedError({
    code: "storage_path_invalid",
    message: "A storage path must stay inside its root",
    place: JSON.stringify(path),
    remedy: "Give a relative path without '..'.",
  });
}
