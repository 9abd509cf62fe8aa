/**
 * A large table is divided into files by ranges of its first key column, so that a merge writes those files alone in which something
 * changed. The division follows from the rows: the same rows are the same files, however they came to be there.
 */
export interface KeySlice {
  /** A key belongs to the slice `key >> shift`; one below zero, and none, to slice 0. */
  shift: number;
  number: number;
  /** A hash of all that its file follows from, where each row of it is made of one row of another divided table. */
  made_of?: string;
}

/** Rows of a slice where keys have no gaps: about a row group of Parquet, a few MB. A table with fewer is one file. */
export const ROWS_PER_SLICE = 2 ** 17;
/** A commit names every file of its table; beyond this slices grow instead. */
export const MOST_SLICES = 256;

/** How a table of so many rows and with this largest key is divided; null: it is one file. */
export function sliceShift(rows: number, largest: bigint): number | null {
  if (rows <= ROWS_PER_SLICE || largest <= 0n) return null;
  let slices = 2;
  while (slices < MOST_SLICES && slices * ROWS_PER_SLICE < rows) slices *= 2;
  return Math.max(0, largest.toString(2).length - Math.log2(slices));
}

/** Whether a table with so many rows, of which the last slice is this one, is still to be divided as it is. */
export function sameDivision(shift: number, rows: number, last: number): boolean {
  return last > 0 && sliceShift(rows, BigInt(last) << BigInt(shift)) === shift;
}

/** DuckDB's names of types that can divide a table. */
export function dividesTables(type: string | undefined): boolean {
  return type !== undefined && /^(TINYINT|SMALLINT|INTEGER|BIGINT)$/.test(type);
}

/** The slice of a quoted column, in the SQL of DuckDB and of Postgres. */
export function sliceOf(column: string, shift: number): string {
  return `(greatest(coalesce(${column}::bigint, 0), 0) >> ${shift})`;
}

/** The slice of a key as the source writes it. */
export function sliceOfKey(key: string, shift: number): number {
  return key.startsWith("-") ? 0 : Number(BigInt(key) >> BigInt(shift));
}

/** The condition for the rows of slices; ranges, which an index and the statistics of files understand. */
export function inSlices(column: string, shift: number, numbers: number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 >= number) last[1] = number;
    else ranges.push([number, number]);
  }
  const start = (number: number): bigint => BigInt(number) << BigInt(shift);
  const conditions = ranges.map(([first, last]) => (first === 0 ? `${column} < ${start(last + 1)} or ${column} is null` : `${column} >= ${start(first)} and ${column} <= ${start(last + 1) - 1n}`));
  return conditions.length === 0 ? "false" : `(${conditions.join(" or ")})`;
}
