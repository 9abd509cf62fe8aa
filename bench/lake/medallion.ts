import { execFileSync } from "node:child_process";
import { mkdir, rename } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";
import { checkSpec } from "../../contracts/check-spec.ts";
import { newEnvironment, runSpec } from "../../executors/phases/testing/run-spec.ts";
import type { Figure } from "../figures.ts";
import { gold, silver } from "./medallion-sql.ts";

/** Order lines as CSV → bronze → silver → gold by the product's phases, against a script of DuckDB that does the same in one process. */
export async function medallion(folder: string, rows: number): Promise<Figure[]> {
  const drop = join(folder, "drop");
  await mkdir(drop, { recursive: true });
  await mkdir(join(folder, "plain"), { recursive: true });
  const csv = join(drop, "order_lines.csv");
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(`copy (select i as id, i // 5 as order_id, i % 2000 as product_id, i % 12 + 1 as quantity, cast((i % 2000) * 1.15 as decimal(18, 2)) as price, case when i % 11 = 0 then 'draft' else 'sale' end as state,
    timestamptz '2024-01-01 00:00:00+00' + to_seconds(i * 3) as ordered_at from range(1, ${rows + 1}) r(i)) to '${csv}.part' (format csv, header)`);
  await rename(`${csv}.part`, csv);
  const tsx = createRequire(import.meta.url).resolve("tsx/cli");
  const plain = JSON.parse(execFileSync(process.execPath, [tsx, fileURLToPath(new URL("plain-duckdb.ts", import.meta.url)), csv, join(folder, "plain")], { encoding: "utf8", env: { ...process.env, TZ: "UTC" } })) as { seconds: number; peak_memory_bytes: number };

  const environment = newEnvironment(pathToFileURL(`${folder}/`), { drop: pathToFileURL(drop).href });
  const { spec, errors } = checkSpec({
    version: 1, name: "medallion",
    phases: [
      { name: "bronze", type: "ingest", config: { source: "file", connection: "drop", tables: [{ name: "order_lines", format: "csv", path: "order_lines.csv", key: ["id"], columns: [["id", "bigint"], ["order_id", "bigint"], ["product_id", "bigint"], ["quantity", "bigint"], ["price", "decimal(18,2)"], ["state", "text"], ["ordered_at", "timestamp"]].map(([name, type]) => ({ name, type })) }] } },
      { name: "silver", type: "transform", depends_on: ["bronze"], config: { inputs: ["bronze.order_lines"], tables: [{ name: "silver.order_lines", key: ["id"], sql: silver("bronze.order_lines") }] } },
      { name: "gold", type: "transform", depends_on: ["silver"], config: { inputs: ["silver.order_lines"], tables: [{ name: "gold.sales", key: ["month", "product_id"], sql: gold("silver.order_lines") }] } },
      { name: "publish", type: "publish", depends_on: ["gold"] },
    ],
  });
  if (spec === null) throw new Error(JSON.stringify(errors));
  const started = performance.now();
  const { metrics } = await runSpec(environment, spec);
  const seconds = (performance.now() - started) / 1000;
  const peak = Math.max(...Object.values(metrics).map((each) => Number(each["peak_memory_bytes"] ?? 0)));
  return [
    { name: `${rows} order lines, CSV to gold, by the phases`, value: seconds, unit: "s" },
    { name: "the same by DuckDB's own script", value: plain.seconds, unit: "s" },
    { name: "  phases against script", value: seconds / plain.seconds, unit: "×", target: "≤ 1.15" },
    { name: "  peak memory of the engine against the script's", value: peak / plain.peak_memory_bytes, unit: "×", target: "≤ 1.2" },
  ];
}
