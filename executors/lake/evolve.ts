import { randomUUID } from "node:crypto";
import { CodedError } from "../storage/coded-error.ts";
import type { MetadataAction } from "./delta-log.ts";
import { type LakeColumn, schemaString } from "./delta-types.ts";
import type { Snapshot } from "./snapshot.ts";

/** The metadata of a new, empty table. */
export function newMetadata(columns: LakeColumn[], partition_columns: string[], now: number): MetadataAction {
  return {
    id: randomUUID(),
    format: { provider: "parquet", options: {} },
    schemaString: schemaString(columns),
    partitionColumns: partition_columns,
    configuration: {},
    createdTime: now,
  };
}

/**
 * The metadata that a commit must write so that its columns fit, or null when they fit already. `add` allows new
 * columns and columns left out (they read as null); `replace` takes the new schema as it is. Throws `lake_conflict`.
 */
export function changedMetadata(
  place: string,
  snapshot: Snapshot,
  columns: LakeColumn[],
  partition_columns: string[],
  change: "add" | "replace",
): MetadataAction | null {
  const write = (next: LakeColumn[]): MetadataAction => ({
    ...snapshot.state.metadata,
    schemaString: schemaString(next),
    partitionColumns: partition_columns,
  });
  const samePartitions = JSON.stringify(snapshot.partition_columns) === JSON.stringify(partition_columns);
  if (change === "replace") {
    const same = samePartitions && JSON.stringify(snapshot.columns) === JSON.stringify(columns);
    return same ? null : write(columns);
  }
  if (!samePartitions) throw conflict(place, "The partition columns differ from the table's");
  const present = new Map(snapshot.columns.map((column) => [column.name.toLowerCase(), column]));
  const added: LakeColumn[] = [];
  for (const column of columns) {
    const old = present.get(column.name.toLowerCase());
    if (old === undefined) added.push({ ...column, nullable: true });
    else if (old.type !== column.type || old.name !== column.name) {
      throw conflict(`${place}.${column.name}`, `The column is ${old.name} ${old.type} in the table and ${column.name} ${column.type} in the commit`);
    }
    present.delete(column.name.toLowerCase());
  }
  const required = [...present.values()].find((column) => !column.nullable);
  if (required !== undefined) throw conflict(`${place}.${required.name}`, "The commit lacks a column that may not be null");
  return added.length === 0 ? null : write([...snapshot.columns, ...added]);
}

function conflict(place: string, message: string): CodedError {
  return new CodedError({
    code: "lake_conflict",
    message,
    place,
    remedy: "Cast the column to the table's type, or overwrite the table with the new schema.",
  });
}
