/** DuckDB's own script for what the pipeline does: `plain-duckdb CSV FOLDER`, within the executor's limits of memory and threads. */
import { DuckDBInstance } from "@duckdb/node-api";
import { gold, silver } from "./medallion-sql.ts";
import { DUCKDB_COLUMNS } from "./order-file.ts";

const [csv, folder] = process.argv.slice(2) as [string, string];
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const parquet = (name: string): string => `read_parquet('${folder}/${name}.parquet')`;
const write = (name: string, sql: string): Promise<unknown> => connection.run(`copy (${sql}) to '${folder}/${name}.parquet' (format parquet, compression snappy)`);
await connection.run("set threads = 2; set memory_limit = '1024MiB'; set TimeZone = 'UTC'");
await connection.run(`set temp_directory = '${folder}/spill'`);
await write("bronze", `select * from read_csv('${csv}', header = true, columns = ${DUCKDB_COLUMNS}) order by id`);
await write("silver", `${silver(parquet("bronze"))} order by id`);
await write("gold", `${gold(parquet("silver"))} order by month, product_id`);
