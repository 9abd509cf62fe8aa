import { canonicalJson } from "../../contracts/canonical.ts";
import { PermanentError } from "./errors.ts";
import type { PhaseOutput, StagedTable } from "./phase.ts";
import { contentSha256 } from "./phase-output.ts";

/**
 * What the items of a for_each phase made, as one output: tables of one name are put together in the order of the items,
 * facts stand under the item's key. Throws PermanentError `phase_failed` where they do not fit together.
 */
export function mergeOutputs(parts: { key: string; output: PhaseOutput }[]): PhaseOutput {
  const tables = new Map<string, StagedTable>();
  for (const { key, output } of parts) {
    for (const table of output.tables) {
      const before = tables.get(table.name);
      tables.set(table.name, before === undefined ? table : joined(before, table, key));
    }
  }
  return { tables: [...tables.values()].map(withoutEmptyFiles), facts: { items: Object.fromEntries(parts.map(({ key, output }) => [key, output.facts])) } };
}

function joined(before: StagedTable, table: StagedTable, key: string): StagedTable {
  const shape = ({ mode, key: unique, columns, partition_columns }: StagedTable): string => canonicalJson({ mode, unique, columns, partition_columns });
  if (shape(before) !== shape(table)) throw new PermanentError("phase_failed", `Item ${key} made ${table.name} with other columns than the items before it.`, { dataset: table.name });
  const twice = table.files.find((file) => file.row_count > 0 && before.files.some((other) => other.path === file.path));
  // A file is named by its content: the same rows from two items would be one file, and so be lost once.
  if (twice !== undefined) throw new PermanentError("phase_failed", `Item ${key} made exactly the rows of ${table.name} that an item before it made. Let the rows depend on the item.`, { dataset: table.name });
  return { ...before, files: [...before.files, ...table.files], row_count: before.row_count + table.row_count, byte_size: before.byte_size + table.byte_size };
}

/** Items without rows all have the same empty file: one is enough, and only where there is nothing else. */
function withoutEmptyFiles(table: StagedTable): StagedTable {
  const filled = table.files.filter((file) => file.row_count > 0);
  const files = filled.length > 0 ? filled : table.files.slice(0, 1);
  return { ...table, files, byte_size: files.reduce((sum, file) => sum + file.byte_size, 0), content_sha256: contentSha256(table.columns, files) };
}
