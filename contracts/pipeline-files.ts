import { z } from "zod";
import { identifier, templated, text, word } from "./common.ts";

/** Where files lie: a folder that the executor's operator names, an HTTP API or server, a bucket. */
export const fileSources = ["file", "http", "s3"] as const;
export const fileFormats = ["csv", "json", "ndjson", "parquet"] as const;
export type FileFormat = (typeof fileFormats)[number];

const columnType = z.string().regex(/^(boolean|integer|bigint|double|date|timestamp|text|decimal\(([1-9]|[12]\d|3[0-8]),([0-9]|[12]\d|3[0-8])\))$/, "boolean, integer, bigint, decimal(18,2), double, date, timestamp or text");
const fileColumn = z.strictObject({
  name: identifier,
  type: columnType.describe("a timestamp without a zone is UTC"),
  from: text.min(1).max(500).optional().describe("its name in the files, where that is another one"),
});
export type FileColumn = z.infer<typeof fileColumn>;

export const csvDialect = z.strictObject({
  delimiter: z.string().regex(/^[^\n\r"'\\]$/, "one character that is no quote").default(","),
  quote: z.enum(['"', "'"]).default('"'),
  header: z.boolean().default(true).describe("false: the columns stand in the order of the list"),
  null_text: text.max(20).regex(/^[^\n\r"']*$/, "holds no quote").default("").describe("what stands for null"),
  encoding: z.enum(["utf-8", "windows-1252", "utf-16le"]).default("utf-8"),
  decimal_separator: z.enum([".", ","]).default("."),
  date_format: text.min(1).max(50).optional().describe("as strptime has it: %d.%m.%Y"),
  timestamp_format: text.min(1).max(50).optional(),
});
export type CsvDialect = z.infer<typeof csvDialect>;

const queryName = z.string().regex(/^[A-Za-z0-9_.[\]$-]{1,100}$/, "the name of a query parameter");
const place = z.string().regex(/^[A-Za-z0-9_@$-]{1,100}(\.[A-Za-z0-9_@$-]{1,100}){0,9}$/, "names separated by dots");
const pageSize = z.int().min(1).max(100_000);
const paged = z.strictObject({ max_pages: z.int().min(1).max(1_000_000).default(10_000).describe("an answer with more of them fails the phase") });
const pages = z.discriminatedUnion("by", [
  paged.extend({ by: z.literal("page"), parameter: queryName.default("page"), first: z.int().min(0).default(1), size_parameter: queryName.optional(), size: pageSize.optional() }),
  paged.extend({ by: z.literal("offset"), parameter: queryName.default("offset"), size_parameter: queryName.default("limit"), size: pageSize }),
  paged.extend({ by: z.literal("cursor"), parameter: queryName.default("cursor"), next: place.describe("where an answer holds the cursor of the next page; the last page has none") }),
  paged.extend({ by: z.literal("link"), next: place.optional().describe("where an answer holds the address of the next page; left out, the Link header does") }),
]);
export type Pages = z.infer<typeof pages>;

const path = templated.min(1).regex(/^[^/\\\u0000-\u001f\u007f#][^\\\u0000-\u001f\u007f#]*$/, "a path below the connection, without a slash before it")
  .refine((path) => !path.split(/[/?]/).some((part) => part === ".." || part === "."), "holds a dot segment");
const fileTable = z.strictObject({
  name: word,
  path: path.describe("below the connection; of files and buckets *, ** and ? stand for many, in the order of their names"),
  format: z.enum(fileFormats),
  key: z.array(identifier).min(1).max(32).optional().describe("unique; left out, the rows get the columns _file and _row, which are it"),
  columns: z.array(fileColumn).min(1).max(2000).optional().describe("what lands; left out, all columns do, with types that all of their values have"),
  mode: z.enum(["overwrite", "merge"]).default("overwrite").describe("merge: rows replace the landed ones of their key, the others stay"),
  bad_rows: z.enum(["fail", "quarantine"]).default("fail").describe("quarantine: rows that do not fit the columns go to TABLE__rejected"),
  csv: csvDialect.optional(),
  records: place.optional().describe("format json: where a file or answer holds its list of rows"),
  pages: pages.optional().describe("source http: how an answer goes on"),
  optional: z.boolean().default(false).describe("nothing there is no error"),
});
export type FileTable = z.infer<typeof fileTable>;

export const fileIngestConfig = z.strictObject({
  source: z.enum(fileSources),
  connection: templated.min(1).describe("of kind http or s3; of kind file one that the executor's operator has set"),
  target: word.default("bronze").describe("schema of the datasets that are written"),
  tables: z.array(fileTable).min(1).max(500),
}).superRefine(({ source, tables }, issues) => {
  tables.forEach((table, index) => {
    const wrong = (field: string, message: string): void => issues.addIssue({ code: "custom", path: ["tables", index, field], message });
    if (table.pages !== undefined && source !== "http") wrong("pages", "only source http has pages");
    if (table.pages !== undefined && table.format !== "json" && table.format !== "ndjson") wrong("pages", "only json and ndjson have pages");
    if (table.records !== undefined && table.format !== "json") wrong("records", "only format json has it");
    if (table.csv !== undefined && table.format !== "csv") wrong("csv", "only format csv has it");
    if (table.csv?.quote === table.csv?.delimiter && table.csv !== undefined) wrong("csv", "quote and delimiter are the same");
    if (table.mode === "merge" && table.key === undefined) wrong("key", "mode merge needs a key");
    const { header = true, decimal_separator = ".", date_format, timestamp_format } = table.csv ?? {};
    const declared = !header || decimal_separator !== "." || date_format !== undefined || timestamp_format !== undefined;
    if (declared && table.columns === undefined) wrong("columns", "a header left out and formats of values need the columns");
    if (table.bad_rows === "quarantine" && table.columns === undefined) wrong("columns", "without columns any value fits: list them");
    if (table.bad_rows === "quarantine" && table.format === "parquet") wrong("bad_rows", "parquet has types of its own: rows of it can only fail");
    table.columns?.forEach(({ name }, at) => {
      if (table.columns?.findIndex((other) => other.name.toLowerCase() === name.toLowerCase()) !== at) issues.addIssue({ code: "custom", path: ["tables", index, "columns", at, "name"], message: "stands above already" });
      if (landingNames.includes(name.toLowerCase())) issues.addIssue({ code: "custom", path: ["tables", index, "columns", at, "name"], message: "is a column that every landed table has" });
    });
    const absent = table.columns === undefined ? undefined : table.key?.find((key) => !table.columns?.some(({ name }) => name === key));
    if (absent !== undefined) wrong("key", `${absent} is none of the columns`);
  });
});
export type FileIngestConfig = z.infer<typeof fileIngestConfig>;

/** Columns that landing adds. */
export const landingNames: readonly string[] = ["_run_id", "_ingested_at", "_file", "_row"];

/** The table to which the rows of a file go that do not fit its columns. */
export function rejectedOf(dataset: string): string {
  return `${dataset}__rejected`;
}
