import type { CopyStep, EngineColumn, EngineSettings, EngineView, ViewFiles } from "./duckdb-job.ts";

/** A text literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A quoted identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** `silver.partners` → `"silver"."partners"`. */
export function tableName(name: string): string {
  return name.split(".").map(identifier).join(".");
}

/**
 * The sandbox. The order matters: once external access is off, only the allowed paths can be reached, and once the
 * configuration is locked no SQL can open it again.
 */
export function sandboxStatements(settings: EngineSettings): string[] {
  const list = (paths: string[]): string => `[${paths.map(literal).join(", ")}]`;
  return [
    `set memory_limit = '${Math.floor(settings.memory_mb)}MiB'`,
    `set threads = ${Math.floor(settings.threads)}`,
    `set temp_directory = ${literal(settings.temp_directory)}`,
    "set preserve_insertion_order = true",
    `set allowed_directories = ${list(settings.directories)}`,
    `set allowed_paths = ${list(settings.read_files)}`,
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set allow_community_extensions = false",
    "set enable_external_access = false",
    // Says who computes, not what is allowed (write-slices.ts).
    "set allowed_configs = ['external_threads']",
    "set lock_configuration = true",
  ];
}

/** What each connection has of its own. */
export function sessionStatements(): string[] {
  return ["set TimeZone = 'UTC'", "set Calendar = 'gregorian'"];
}

/**
 * A view over Parquet files. Where the columns are given, an empty relation of that shape comes first, so that
 * columns which older files lack read as null, and a table without files is an empty table. With `files_of` it shows each
 * connection the files that its variable of that name lists.
 */
export function viewStatement(view: EngineView, { files_of = null }: { files_of?: string | null } = {}): string {
  const parts = view.parts.filter((part) => part.files.length > 0).map((part) => partSelect(part, files_of));
  if (view.columns !== undefined) parts.unshift(emptySelect(view.columns));
  if (parts.length === 0) throw new Error(`the view ${view.name} has neither files nor columns`);
  return `create or replace view ${tableName(view.name)} as ${parts.join(" union all by name ")}`;
}

function emptySelect(columns: EngineColumn[]): string {
  const items = columns.map((column) => `null::${column.type} as ${identifier(column.name)}`);
  return `select ${items.join(", ")} where false`;
}

function partSelect(part: ViewFiles, files_of: string | null): string {
  const constants = (part.constants ?? []).map(
    ({ name, type, value }) => `, cast(${value === null ? "null" : literal(value)} as ${type}) as ${identifier(name)}`,
  );
  return `select *${constants.join("")} from read_parquet(${files_of === null ? `[${part.files.map(literal).join(", ")}]` : `getvariable(${literal(files_of)})`}, union_by_name = true)`;
}

/**
 * The statements of a copy step. The step's SQL becomes a view first: that takes a trailing `;` or comment as it is.
 * Snappy, because every Parquet reader has it, the one in the browser included.
 */
export function copyStatements(step: CopyStep, view: string): { view: string; copy: string } {
  // Rows of one partition lie together, so that writing its file reads little else.
  const columns = step.key === null || step.key.length === 0 ? [] : [...(step.partition_by ?? []), ...step.key];
  const order = step.key === null ? "" : ` order by ${columns.length === 0 ? "all" : columns.map(identifier).join(", ")}`;
  return {
    view: `create or replace temp view ${identifier(view)} as ${step.sql}`,
    copy: copyTo(`select * from ${identifier(view)}${order}`, step.to),
  };
}

export function copyTo(sql: string, file: string): string {
  return `copy (${sql}) to ${literal(file)} (format parquet, compression snappy, row_group_size 122880, return_stats)`;
}

/** The rows of a written file that have these values, without them. */
export function partitionRows(file: string, columns: EngineColumn[], values: Record<string, string | null>): string {
  const names = Object.keys(values);
  const type = (name: string): string => columns.find((column) => column.name === name)?.type ?? "VARCHAR";
  const same = names.map((name) => {
    const value = values[name];
    return value == null ? `${identifier(name)} is null` : `${identifier(name)} = cast(${literal(value)} as ${type(name)})`;
  });
  return `select * exclude (${names.map(identifier).join(", ")}) from read_parquet(${literal(file)}) where ${same.join(" and ")}`;
}

/** The condition that two rows have one key; null is a value like others. */
export function sameKey(one: string, other: string, key: string[]): string {
  return key.map((name) => `${one}.${identifier(name)} is not distinct from ${other}.${identifier(name)}`).join(" and ");
}

/** How many keys of a written file occur more than once; 0 is right. */
export function duplicateKeyQuery(file: string, key: string[]): string {
  const columns = key.map(identifier).join(", ");
  return `select count(*) as wrong from (select 1 from read_parquet(${literal(file)}) group by ${columns} having count(*) > 1)`;
}

/** Whether a row of a file that lies in the order of the key has that of the row before: a look at each, where counting keys takes six times as long. */
export function neighbourQuery(file: string, key: string[]): string {
  const same = key.map((name) => `${identifier(name)} is not distinct from lag(${identifier(name)}) over ()`).join(" and ");
  return `select count(*) > 0 as wrong from (select lag(true) over () and ${same} as again from read_parquet(${literal(file)})) where again`;
}
