/** DuckDB's own script for what the pipeline does: `tsx plain-duckdb.ts CSV FOLDER`. Prints seconds and peak memory as JSON. */
import { DuckDBInstance } from "@duckdb/node-api";
import { gold, silver } from "./medallion-sql.ts";

const [csv, folder] = process.argv.slice(2) as [string, string];
const started = performance.now();
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const parquet = (name: string): string => `read_parquet('${folder}/${name}.parquet')`;
const write = (name: string, sql: string): Promise<unknown> => connection.run(`copy (${sql}) to '${folder}/${name}.parquet' (format parquet, compression snappy)`);
await connection.run("set threads = 2; set memory_limit = '1024MiB'; set TimeZone = 'UTC'");
await connection.run(`set temp_directory = '${folder}/spill'`);
await write("bronze", `select * from read_csv('${csv}', header = true, columns = {id: 'BIGINT', order_id: 'BIGINT', product_id: 'BIGINT', quantity: 'BIGINT', price: 'DECIMAL(18,2)', state: 'VARCHAR', ordered_at: 'TIMESTAMPTZ'}) order by id`);
await write("silver", `${silver(parquet("bronze"))} order by id`);
await write("gold", `${gold(parquet("silver"))} order by month, product_id`);
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, peak_memory_bytes: process.resourceUsage().maxRSS * 1024 }));
