import { rename } from "node:fs/promises";
import { DuckDBInstance } from "@duckdb/node-api";

/** Columns of the order lines' file, in the words of a pipeline and of DuckDB. */
export const ORDER_COLUMNS = [["id", "bigint"], ["order_id", "bigint"], ["product_id", "bigint"], ["quantity", "bigint"], ["price", "decimal(18,2)"], ["state", "text"], ["ordered_at", "timestamp"]].map(([name, type]) => ({ name, type }));
export const DUCKDB_COLUMNS = "{id: 'BIGINT', order_id: 'BIGINT', product_id: 'BIGINT', quantity: 'BIGINT', price: 'DECIMAL(18,2)', state: 'VARCHAR', ordered_at: 'TIMESTAMPTZ'}";

/** Order lines as CSV with a header: those with numbers above `after`, up to and with `last`. */
export async function writeOrderFile(file: string, after: number, last: number, state: string): Promise<void> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run(`copy (select i as id, i // 5 as order_id, i % 2000 as product_id, i % 12 + 1 as quantity, cast((i % 2000) * 1.15 as decimal(18, 2)) as price, case when i % 11 = 0 then 'draft' else '${state}' end as state,
    timestamptz '2024-01-01 00:00:00+00' + to_seconds(i * 3) as ordered_at from range(${after + 1}, ${last + 1}) r(i)) to '${file}.part' (format csv, header)`);
  connection.closeSync();
  await rename(`${file}.part`, file);
}
