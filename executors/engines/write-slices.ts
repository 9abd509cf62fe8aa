import { rm } from "node:fs/promises";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { CopyStep, EngineColumn, Slices, WrittenFile } from "./duckdb-job.ts";
import { copyTo, identifier, literal, viewStatement } from "./duckdb-sql.ts";
import { inSlices, sliceOf, sliceShift } from "./key-slices.ts";
import type { SliceRecipe } from "./slice-recipe.ts";
import { refuseDuplicates, writeFile } from "./write-file.ts";

/** Connections of one engine, each of which does one statement at a time; all see the same tables and views. */
export type Crew = [DuckDBConnection, ...DuckDBConnection[]];
type SlicedCopy = CopyStep & { slices: NonNullable<CopyStep["slices"]> };

/** Of each connection: the files that the view shows it. */
const FILES = "control_room_files";
const ROWS = '"control_room"."rows"';
const SORTED = '"control_room"."rows_in_order"';
/** Rows of DuckDB's own groups: what a scan can leave out as a whole. */
const ROW_GROUP = 122_880;
/** Slices that one group of rows may touch on average before sorting them once is cheaper than reading them for each slice. */
const SCATTERED = 4;

/**
 * Writes the rows of the view `rows` as a file for each slice, sorted within it: a few small sorts in place of one of the whole table, and each row is
 * written once. Rows are held by the engine, which puts on disk what does not fit. Null, with `to` written, where the table is to be one file.
 */
export async function writeSlices(crew: Crew, step: SlicedCopy, columns: EngineColumn[], rows: string, recipe: SliceRecipe | null): Promise<Slices | WrittenFile> {
  const [db] = crew;
  const column = identifier(step.slices.by);
  await db.run(`create schema if not exists "control_room"`);
  await db.run(`create or replace table ${ROWS} as select * from ${identifier(rows)}`);
  try {
    const { count, largest } = (await one(db, `select count(*)::varchar as count, coalesce(max(${column}), 0)::varchar as largest from ${ROWS}`)) as { count: string; largest: string };
    const shift = step.slices.shift ?? sliceShift(Number(count), BigInt(largest));
    if (shift === null) {
      const written = await writeFile(db, copyTo(`select * from ${ROWS}${inKeyOrder(step)}`, step.to), step.to, columns);
      await refuseDuplicates(db, step.to, step.key, true);
      return written;
    }
    const numbers = (await db.runAndReadAll(`select distinct ${sliceOf(column, shift)}::varchar as number from ${ROWS} order by number::bigint`)).getRowObjectsJson().map((row) => Number(row["number"]));
    const from = (await scattered(db, column, shift, numbers.length)) ? SORTED : ROWS;
    if (from === SORTED) {
      await db.run(`create or replace table ${SORTED} as select * from ${ROWS} order by ${column}`);
      await db.run(`drop table ${ROWS}`);
    }
    const files = await share(crew, numbers, async (worker, number, index) => {
      const file = `${step.to}.${index}`;
      const written = await writeFile(worker, copyTo(`select * from ${from} where ${inSlices(column, shift, [number])}${inKeyOrder(step)}`, file), file, columns);
      await refuseDuplicates(worker, file, step.key, true);
      return { number, ...written, ...madeOf(recipe, shift, number) };
    });
    return { shift, files, touched: null };
  } finally {
    for (const table of [ROWS, SORTED]) await db.run(`drop table if exists ${table}`);
  }
}

/**
 * The same where each row follows from one of a divided table: slice by slice, without looking at the table as a whole, and without those slices that were made
 * of the same before. `rows.view` makes the temporary view of the step's rows, of which each connection has its own. Null where the rows are to be divided otherwise than that table, or their key is none of its.
 */
export async function writeSliceBySlice(crew: Crew, step: SlicedCopy, columns: EngineColumn[], rows: { name: string; view: string }, recipe: SliceRecipe): Promise<Slices | null> {
  const before = step.slices.before ?? null;
  if (before === "undivided") return null;
  const shift = Math.max(recipe.shift, before?.shift ?? 0);
  const kept = before?.shift !== shift ? [] : before.slices.filter(({ number, made_of }) => made_of !== null && made_of === recipe.madeOf(shift, number));
  const numbers = recipe.numbers(shift).filter((number) => !kept.some((slice) => slice.number === number));
  const setFiles = (worker: DuckDBConnection, files: string[]): Promise<unknown> => worker.run(`set variable ${FILES} = [${files.map(literal).join(", ")}]`);
  for (const worker of crew) await setFiles(worker, recipe.view.parts[0]!.files);
  await crew[0].run(viewStatement(recipe.view, { files_of: FILES }));
  for (const worker of crew) await worker.run(rows.view);
  const written: (Slices["files"][number] & { largest: bigint })[] = [];
  try {
    const all = await share(crew, numbers, async (worker, number, index) => {
      const file = `${step.to}.${index}`;
      await setFiles(worker, recipe.files(shift, number));
      const found = await writeFile(worker, copyTo(`select * from ${identifier(rows.name)}${inKeyOrder(step)}`, file), file, columns);
      await refuseDuplicates(worker, file, step.key, true);
      return { number, ...found, ...madeOf(recipe, shift, number) };
    });
    for (const file of all) {
      if (file.rows === 0) {
        await rm(file.file);
        continue;
      }
      const { min, max, null_count } = file.statistics[step.slices.by] ?? { min: null, max: null, null_count: null };
      const slice = (value: string): bigint => (BigInt(value) < 0n ? 0n : BigInt(value) >> BigInt(shift));
      if (min === null || max === null || null_count !== 0 || slice(min) !== BigInt(file.number) || slice(max) !== BigInt(file.number)) return null;
      written.push({ ...file, largest: BigInt(max) });
    }
  } finally {
    await crew[0].run(viewStatement(recipe.view));
  }
  const largest = [...kept.map(({ number }) => BigInt(number) << BigInt(shift)), ...written.map((file) => file.largest)].reduce((one, other) => (other > one ? other : one), 0n);
  if (sliceShift([...kept, ...written].reduce((sum, file) => sum + file.rows, 0), largest) !== shift) return null;
  return { shift, files: written.map(({ largest: _, ...file }) => file), touched: (before?.slices ?? []).filter((slice) => !kept.includes(slice)).map(({ number }) => number) };
}

/** Where rows of one slice lie all over the table. */
async function scattered(db: DuckDBConnection, column: string, shift: number, slices: number): Promise<boolean> {
  const slice = sliceOf(column, shift);
  const { met } = (await one(db, `select sum(last - first + 1)::varchar as met from (select min(${slice}) as first, max(${slice}) as last from ${ROWS} group by rowid // ${ROW_GROUP})`)) as { met: string };
  return Number(met) > SCATTERED * slices;
}

/**
 * Each connection takes the next item as soon as it is free; results have the order of the items. After a failure nobody takes another. The engine's
 * own threads rest meanwhile: two of them that share one small statement take 1.6 times the processor time of one.
 */
async function share<T, R>(crew: Crew, items: readonly T[], work: (worker: DuckDBConnection, item: T, index: number) => Promise<R>): Promise<R[]> {
  const threads = Number((await one(crew[0], "select current_setting('threads')::varchar as threads"))["threads"]);
  await crew[0].run(`set external_threads = ${threads}`);
  try {
    return await shared(crew, items, work);
  } finally {
    await crew[0].run("set external_threads = 1");
  }
}

async function shared<T, R>(crew: Crew, items: readonly T[], work: (worker: DuckDBConnection, item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const ends = await Promise.allSettled(crew.map(async (worker) => {
    try {
      for (let index = next++; index < items.length; index = next++) results[index] = await work(worker, items[index]!, index);
    } catch (error) {
      next = items.length;
      throw error;
    }
  }));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return results;
}

function madeOf(recipe: SliceRecipe | null, shift: number, number: number): { made_of?: string } {
  const made_of = recipe?.madeOf(shift, number) ?? null;
  return made_of === null ? {} : { made_of };
}

function inKeyOrder({ key }: CopyStep): string {
  return key === null ? "" : ` order by ${key.length === 0 ? "all" : key.map(identifier).join(", ")}`;
}

async function one(db: DuckDBConnection, sql: string): Promise<Record<string, unknown>> {
  return (await db.runAndReadAll(sql)).getRowObjectsJson()[0]!;
}
