import type { DatasetVersion } from "@/contracts/dataset";

type Columns = DatasetVersion["columns"];
export type SchemaChange = { added: string[]; removed: string[]; retyped: { name: string; from: string; to: string }[] };

/** What a version changed of the columns of the one before, each list in the order of the table; null where nothing. */
export function schemaChange(before: Columns, after: Columns): SchemaChange | null {
  const [was, is] = [before, after].map((columns) => new Map(columns.map((column) => [column.name, column.type])));
  const change: SchemaChange = {
    added: after.filter(({ name }) => !was?.has(name)).map(({ name }) => name),
    removed: before.filter(({ name }) => !is?.has(name)).map(({ name }) => name),
    retyped: after.flatMap(({ name, type }) => {
      const from = was?.get(name);
      return from === undefined || from === type ? [] : [{ name, from, to: type }];
    }),
  };
  return change.added.length + change.removed.length + change.retyped.length === 0 ? null : change;
}
