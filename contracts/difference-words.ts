import type { TableDifference } from "./verification.ts";

/** `3 rows changed (amount, name), 1 row removed`: what a table's difference is, in one line. */
export function differenceWords(table: TableDifference): string {
  if (table.verdict === "not_compared") return table.reason ?? "not compared";
  if (table.verdict === "same_rows") return "other bytes, the same rows";
  const counted = (count: number, word: string): string[] => (count === 0 ? [] : [`${count} ${count === 1 ? "row" : "rows"} ${word}`]);
  const named = (change: TableDifference["columns"][number]["change"]): string[] => table.columns.filter((column) => column.change === change).map(({ name }) => name);
  const reshaped = (["added", "removed", "retyped"] as const).flatMap((change) => (named(change).length === 0 ? [] : [`columns ${change}: ${named(change).join(", ")}`]));
  const values = named("values");
  return [...counted(table.rows_changed, `changed${values.length === 0 ? "" : ` (${values.join(", ")})`}`), ...counted(table.rows_removed, "removed"), ...counted(table.rows_added, "added"), ...reshaped].join(", ");
}
