import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { EngineColumn, WrittenFile } from "./duckdb-job.ts";
import { duplicateKeyQuery, identifier, neighbourQuery } from "./duckdb-sql.ts";

/** A step that cannot be done as it was asked for; `code` is one of contracts/error.ts. */
export class StepFailure extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Runs a COPY with `return_stats`; answers what it wrote. */
export async function writeFile(db: DuckDBConnection, copy: string, file: string, columns: EngineColumn[]): Promise<WrittenFile> {
  const reader = await db.runAndReadAll(copy);
  const answer = reader.getRowObjectsJson()[0] as unknown as {
    count: string;
    file_size_bytes: string;
    column_statistics: { key: string; value: { key: string; value: string }[] }[];
  };
  const statistics: WrittenFile["statistics"] = {};
  for (const { key, value } of answer.column_statistics) {
    const found = new Map(value.map((entry) => [entry.key, entry.value]));
    const name = columns.find((column) => identifier(column.name) === key)?.name;
    if (name === undefined) continue;
    const bounded = found.get("has_nan") !== "true";
    statistics[name] = {
      min: bounded ? (found.get("min") ?? null) : null,
      max: bounded ? (found.get("max") ?? null) : null,
      null_count: found.has("null_count") ? Number(found.get("null_count")) : null,
    };
  }
  return { file, rows: Number(answer.count), bytes: Number(answer.file_size_bytes), sha256: await sha256Of(file), statistics };
}

/** Throws StepFailure `key_not_unique`. `sorted`: the file's rows lie in the order of the key. */
export async function refuseDuplicates(db: DuckDBConnection, file: string, key: string[] | null, sorted: boolean): Promise<void> {
  if (key === null || key.length === 0) return;
  const found = async (sql: string): Promise<unknown> => (await db.runAndReadAll(sql)).getRowObjectsJson()[0]?.["wrong"];
  if (sorted && (await found(neighbourQuery(file, key))) === false) return;
  const wrong = await found(duplicateKeyQuery(file, key));
  if (wrong !== "0") throw new StepFailure("key_not_unique", `${String(wrong)} values of the key (${key.join(", ")}) occur more than once`);
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
