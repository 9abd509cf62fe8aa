import { expect, test } from "vitest";
import { mergeOutputs } from "./merge-outputs.ts";
import type { PhaseOutput, StagedTable } from "./phase.ts";

function table(file: string, rows: number, more: Partial<StagedTable> = {}): StagedTable {
  return {
    name: "silver.t", mode: "overwrite", key: ["id"], columns: [{ name: "id", type: "long", nullable: true }], partition_columns: [],
    files: [{ path: `part-${file}.parquet`, sha256: file, byte_size: 10, row_count: rows, stats: "{}" }], row_count: rows, byte_size: 10, content_sha256: file, ...more,
  };
}
const part = (key: string, made: StagedTable, facts = {}): { key: string; output: PhaseOutput } => ({ key, output: { tables: [made], facts } });

test("tables of one name are put together in the order of the items, facts stand under their item", () => {
  const merged = mergeOutputs([part("b", table("1", 2), { rows: 2 }), part("a", table("2", 3), { rows: 3 })]);
  expect(merged.facts).toEqual({ items: { a: { rows: 3 }, b: { rows: 2 } } });
  expect(merged.tables).toMatchObject([{ row_count: 5, byte_size: 20, files: [{ sha256: "1" }, { sha256: "2" }] }]);
});

test("the content's hash depends on the files and their order alone", () => {
  const [one, two] = [part("a", table("1", 2)), part("b", table("2", 3))];
  const hash = (parts: (typeof one)[]) => mergeOutputs(parts).tables[0]?.content_sha256;
  expect(hash([one, { ...two, key: "other" }])).toBe(hash([one, two]));
  expect(hash([two, one])).not.toBe(hash([one, two]));
});

test("items without rows add no file, unless there is nothing else", () => {
  expect(mergeOutputs([part("a", table("e", 0)), part("b", table("2", 3)), part("c", table("e", 0))]).tables[0]?.files).toHaveLength(1);
  expect(mergeOutputs([part("a", table("e", 0)), part("b", table("e", 0))]).tables[0]?.files).toHaveLength(1);
});

test("rows that two items both made, and columns that differ, are refused: nothing is lost silently", () => {
  expect(() => mergeOutputs([part("a", table("1", 2)), part("b", table("1", 2))])).toThrow(/exactly the rows/);
  expect(() => mergeOutputs([part("a", table("1", 2)), part("b", table("2", 2, { columns: [] }))])).toThrow(/other columns/);
});
