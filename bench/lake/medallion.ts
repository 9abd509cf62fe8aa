import { chmod, mkdir, rm } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { join } from "node:path";
import { build } from "esbuild";
import { CHILD_BUNDLE } from "../../executors/engines/child-bundle.mjs";
import { startProduct } from "../../scripts/running-product.mjs";
import type { Figure } from "../figures.ts";
import { dbt } from "./dbt.ts";
import { measuredProgram } from "./measured.ts";
import { gold, silver } from "./medallion-sql.ts";
import { ORDER_COLUMNS, writeOrderFile } from "./order-file.ts";
import { measuredRun, phaseOverhead } from "./product.ts";

const CHANGED = 0.001;

/**
 * Order lines as CSV → bronze → silver → gold by the running product, against a script of DuckDB and a dbt project that do the same; and then a file with
 * 0.1 % of the rows, half of them new, merged into what is there. What is changed are the latest rows, as a business changes them.
 */
export async function medallion(folder: string, rows: number): Promise<Figure[]> {
  const [drop, plain, models] = ["drop", "plain", "dbt"].map((name) => join(folder, name)) as [string, string, string];
  for (const made of [drop, plain, models]) await mkdir(made, { recursive: true });
  const csv = join(drop, "order_lines.csv");
  const changed = Math.round(rows * CHANGED);
  await writeOrderFile(csv, 0, rows, "sale");
  await writeOrderFile(join(drop, "changed.csv"), rows - changed / 2, rows + changed / 2, "done");
  const script = await measuredProgram(process.execPath, [await bundled("plain-duckdb"), csv, plain]);
  await rm(plain, { recursive: true });
  const peer = await dbt(csv, models);
  await rm(models, { recursive: true });

  const data = join(folder, "data");
  await mkdir(data);
  await chmod(data, 0o711);
  const product = await startProduct({ CONTROL_ROOM_CONNECTION_BENCH_DROP: pathToFileURL(drop).href }, data);
  try {
    const overhead = await phaseOverhead(product, 8);
    const whole = await measuredRun(product, pipeline("order_lines.csv", "overwrite"));
    const merged = await measuredRun(product, pipeline("changed.csv", "merge"));
    return [
      { name: `${rows} order lines, CSV to gold, by the product`, value: whole.seconds, unit: "s" },
      ...Object.entries(whole.phases).map(([phase, value]) => ({ name: `    ${phase}`, value, unit: "s" })),
      { name: "  the same by DuckDB's own script", value: script.seconds, unit: "s" },
      { name: "  product against script", value: whole.seconds / script.seconds, unit: "×", target: "≤ 1.15" },
      { name: "  the same in processor time, all processes", value: whole.cpu_seconds / script.cpu_seconds, unit: "×" },
      ...(peer === null ? [] : [
        { name: "  the same by dbt-duckdb", value: peer.seconds, unit: "s" },
        { name: "  product against dbt-duckdb", value: whole.seconds / peer.seconds, unit: "×", target: "≤ 0.65" },
        { name: "  the same in processor time, all processes", value: whole.cpu_seconds / peer.cpu_seconds, unit: "×" },
      ]),
      { name: "  peak memory of executor and engine", value: whole.peak_memory_bytes / 2 ** 20, unit: "MiB" },
      { name: "  against the script's", value: whole.peak_memory_bytes / script.peak_memory_bytes, unit: "×", target: "≤ 1.2" },
      { name: "the pipeline after 0.1 % of the rows changed, merged", value: merged.seconds, unit: "s" },
      ...Object.entries(merged.phases).map(([phase, value]) => ({ name: `    ${phase}`, value, unit: "s" })),
      { name: "  of the whole", value: (100 * merged.seconds) / whole.seconds, unit: "%", target: "≤ 5" },
      { name: "  in processor time, all processes", value: (100 * merged.cpu_seconds) / whole.cpu_seconds, unit: "%" },
      { name: "a phase that does nothing adds to a run", value: overhead, unit: "ms", target: "< 150" },
    ];
  } finally {
    await product.stop();
  }
}

function pipeline(path: string, mode: "overwrite" | "merge"): Record<string, unknown> {
  return {
    version: 1, name: "medallion",
    phases: [
      { name: "bronze", type: "ingest", config: { source: "file", connection: "bench_drop", tables: [{ name: "order_lines", format: "csv", path, mode, key: ["id"], columns: ORDER_COLUMNS }] } },
      { name: "silver", type: "transform", depends_on: ["bronze"], config: { inputs: ["bronze.order_lines"], tables: [{ name: "silver.order_lines", key: ["id"], sql: silver("bronze.order_lines") }] } },
      { name: "gold", type: "transform", depends_on: ["silver"], config: { inputs: ["silver.order_lines"], tables: [{ name: "gold.sales", key: ["month", "product_id"], sql: gold("silver.order_lines") }] } },
      { name: "publish", type: "publish", depends_on: ["gold"] },
    ],
  };
}

/** Plain JavaScript, so that no loader of TypeScript is measured with it; beside the packages that it finds. */
async function bundled(name: string): Promise<string> {
  const outfile = fileURLToPath(new URL(`../../node_modules/.cache/control-room/bench-${name}.mjs`, import.meta.url));
  await build({ ...CHILD_BUNDLE, entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))], outfile, logLevel: "silent" });
  return outfile;
}
