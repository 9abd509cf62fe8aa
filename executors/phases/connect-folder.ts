import { readdir } from "node:fs/promises";
import { unreachableSource } from "../sources/source-error.ts";
import type { Probe } from "./connect.ts";

/** Whether this executor can list the folder. */
export const askFolder: Probe<"file"> = async ({ folder }, context) => {
  const entries = await readdir(folder).catch((error: unknown) => {
    throw unreachableSource(error, context.config.connection);
  });
  return { entries: entries.length };
};
