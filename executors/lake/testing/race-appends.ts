import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LakeTable } from "../delta-log.ts";

const from = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
const WRITER = `
  import { commitTable } from ${from("../commit.ts")};
  import { openStorage } from ${from("../../storage/storage.ts")};
  const [url, path, scratch, n, each] = process.argv.slice(2);
  const table = { storage: await openStorage(url), path };
  const columns = [{ name: "id", type: "long", nullable: true }];
  process.send("ready");
  process.once("message", async () => {
    for (let i = 0; i < Number(each); i++) {
      const file = { path: "part-" + n + "-" + i + ".parquet", byte_size: 1, stats: '{"numRecords":1}' };
      await commitTable({ table, mode: "append", app_id: "writer-" + n, fence: i, run_id: n + "-" + i, phase: "p", columns, partition_columns: [], files: [file], scratch });
    }
    process.disconnect();
  });`;

/**
 * Processes that begin at one moment and append `each` files to a table, one a commit. Answers their exit codes, and the files
 * that the table must then hold, sorted. `env` is added to that of this process.
 */
export async function raceAppends(table: LakeTable, race: { processes: number; each: number; scratch: string; env?: Record<string, string> }): Promise<{ exits: number[]; paths: string[] }> {
  const script = join(race.scratch, "appender.mjs");
  await writeFile(script, WRITER);
  const children = Array.from({ length: race.processes }, (_, n): ChildProcess =>
    fork(script, [table.storage.url, table.path, race.scratch, String(n), String(race.each)], { execArgv: ["--import", import.meta.resolve("tsx")], stdio: "inherit", env: { ...process.env, ...race.env } }),
  );
  const exits = children.map((child) => once(child, "exit"));
  await Promise.all(children.map((child) => once(child, "message")));
  for (const child of children) child.send("go");
  const paths = children.flatMap((_, n) => Array.from({ length: race.each }, (__, i) => `part-${n}-${i}.parquet`)).toSorted();
  return { exits: (await Promise.all(exits)).map(([code]) => code as number), paths };
}
