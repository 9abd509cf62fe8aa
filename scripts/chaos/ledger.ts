import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** What an executor knows first-hand. Written before the next call, so that a kill leaves it whole. */
export type Entry =
  | { what: "claimed"; run_id: string; fence: string; at: number }
  | { what: "executed"; run_id: string; phase: string; fence: string }
  | { what: "ended"; run_id: string; fence: string; status: string }
  | { what: "refused"; run_id: string; fence: string; code: string };

export function openLedger(file: string): (entry: Entry) => void {
  return (entry) => appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

export function readLedger(file: string): Entry[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").split("\n").filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as Entry);
}
