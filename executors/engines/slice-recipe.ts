import { createHash } from "node:crypto";
import type { DuckDBConnection } from "@duckdb/node-api";
import { canonicalJson } from "../../contracts/canonical.ts";
import type { CopyStep, EngineColumn, EngineJob, EngineView } from "./duckdb-job.ts";
import { copyTo, literal } from "./duckdb-sql.ts";
import { rowByRow } from "./row-by-row.ts";

/** How the slices of a table follow from those of another. */
export interface SliceRecipe {
  /** The divided table that is read. */
  view: EngineView;
  shift: number;
  /** Slices that may have rows, of a division as fine as the read one's or coarser. */
  numbers(shift: number): number[];
  /** The files of which such a slice is made. */
  files(shift: number, number: number): string[];
  /** A hash of all that a slice's file follows from: equal ones, equal bytes. Null for a finer division. */
  madeOf(shift: number, number: number): string | null;
}

/** Null where the SQL makes no row of one row alone, or the table that it reads is not divided. */
export async function sliceRecipe(db: DuckDBConnection, step: CopyStep, columns: EngineColumn[], { views, variables, engine_version }: { views: ReadonlyMap<string, EngineView>; variables: EngineJob["variables"]; engine_version: string }): Promise<SliceRecipe | null> {
  if (![...views.values()].some((view) => slicesOf(view) !== null)) return null;
  const [parsed] = (await db.runAndReadAll(`select json_serialize_sql(${literal(step.sql)}) as tree`)).getRowObjectsJson();
  const scalars = (await db.runAndReadAll("select lower(function_name) as name from duckdb_functions() group by 1 having bool_and(function_type = 'scalar' and stability = 'CONSISTENT')")).getRowObjectsJson();
  const scalar = new Set(scalars.map((row) => String(row["name"])));
  const read = rowByRow(JSON.parse(String(parsed?.["tree"])), (name) => scalar.has(name));
  const view = read === null ? undefined : views.get(read.table);
  const slices = view === undefined ? null : slicesOf(view);
  if (read === null || view === undefined || slices === null) return null;
  const shift = slices[0]!.shift;
  const constants = (view.parts[0]!.constants ?? []).filter(({ name }) => read.columns === null || read.columns.has(name.toLowerCase()));
  const facts = { engine_version, copy: copyTo("", ""), sql: step.sql, key: step.key, columns, table: view.columns ?? null, constants, variables: read.variables ? variables : null };
  const among = (coarse: number, number: number): number[] => slices.flatMap((slice, index) => (slice.number >> (coarse - shift) === number ? [index] : []));
  return {
    view, shift,
    numbers: (coarse) => [...new Set(slices.map(({ number }) => number >> (coarse - shift)))].toSorted((a, b) => a - b),
    files: (coarse, number) => among(coarse, number).map((index) => view.parts[0]!.files[index]!),
    madeOf: (coarse, number) => (coarse < shift ? null : createHash("sha256").update(canonicalJson({ ...facts, shift: coarse, number, files: among(coarse, number).map((index) => slices[index]!.sha256) })).digest("hex")),
  };
}

/** The slices of a view's files; null where its table is not divided. */
function slicesOf({ parts }: EngineView): NonNullable<EngineView["parts"][number]["slices"]> | null {
  const slices = parts.length === 1 ? (parts[0]!.slices ?? null) : null;
  return slices !== null && slices.length > 0 && slices.every(({ shift }) => shift === slices[0]!.shift) ? slices : null;
}
