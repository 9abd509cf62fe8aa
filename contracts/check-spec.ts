import { createHash } from "node:crypto";
import type { z } from "zod";
import { canonicalJson, jsonPointer } from "./canonical.ts";
import type { ErrorPlace } from "./error.ts";
import { valueAt, visit } from "./parameters.ts";
import { phaseTypes, pipelineSpec, type PipelineSpec } from "./pipeline.ts";
import { findMistakes } from "./spec-meaning.ts";
import { readSpecText } from "./spec-text.ts";

export type SpecCheck =
  | { spec: PipelineSpec; /** Canonical JSON, defaults filled in. */ spec_text: string; /** Of spec_text. */ sha256: string; errors: [] }
  | { spec: null; spec_text: null; sha256: null; errors: ErrorPlace[] };

export interface SpecOptions {
  /** Reads a `sql_file`; throws an Error whose message says why not. Without it a `sql_file` is refused. */
  readSqlFile?: (file: string) => string;
}

const maximumTextLength = 2_000_000;
const maximumErrors = 100;
type Locate = (path: readonly PropertyKey[], options?: { key?: boolean }) => Pick<ErrorPlace, "path" | "line" | "column">;

/**
 * Checks a pipeline spec: YAML 1.2 or JSON text, or a parsed value. Never throws for what it is given. Errors come in
 * the order of the text, with line and column where there was a text. The same spec gives the same `spec_text` and
 * `sha256` however it was written, and checking `spec_text` again changes nothing.
 */
export function checkSpec(input: unknown, options: SpecOptions = {}): SpecCheck {
  if (typeof input !== "string") return checkValue(input, (path) => ({ path: jsonPointer(path) }), options);
  if (input.length > maximumTextLength) return refused([{ path: "", line: 1, column: 1, code: "payload_too_large", message: `is longer than ${maximumTextLength} characters` }]);
  const nul = input.indexOf("\u0000");
  if (nul >= 0 || !input.isWellFormed()) return refused([{ path: "", ...lineAndColumn(input, nul >= 0 ? nul : loneSurrogate(input)), code: "invalid_text", message: "holds a NUL byte or a lone surrogate" }]);
  const text = readSpecText(input);
  if (text.errors.length > 0) return refused(text.errors);
  if (text.value === null || text.value === undefined) return refused([{ path: "", line: 1, column: 1, code: "missing", message: "is empty" }]);
  return checkValue(text.value, text.placeOf, options);
}

function checkValue(value: unknown, locate: Locate, options: SpecOptions): SpecCheck {
  const unstorable: ErrorPlace[] = [];
  try {
    visit(value, [], (path, problem) => unstorable.push({ ...locate(path), ...problem }));
  } catch (error) {
    // A value nested (or containing itself) beyond the stack; texts were bounded before.
    if (!(error instanceof RangeError)) throw error;
    return refused([{ ...locate([]), code: "too_deep", message: "is nested too deeply" }]);
  }
  if (unstorable.length > 0) return refused(unstorable);
  const parsed = pipelineSpec.safeParse(value);
  if (!parsed.success) return refused(parsed.error.issues.flatMap((issue) => shapeErrors(issue, value, locate)));
  const spec = parsed.data;
  const errors = inlineSql(spec, locate, options);
  for (const { path, code, message } of findMistakes(spec)) errors.push({ ...locate(path), code, message });
  if (errors.length > 0) return refused(errors);
  const spec_text = canonicalJson(spec);
  return { spec, spec_text, sha256: createHash("sha256").update(spec_text).digest("hex"), errors: [] };
}

function refused(errors: ErrorPlace[]): SpecCheck {
  const ordered = errors.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  return { spec: null, spec_text: null, sha256: null, errors: ordered.slice(0, maximumErrors) };
}

function shapeErrors(issue: z.core.$ZodIssue, value: unknown, locate: Locate): ErrorPlace[] {
  const { path } = issue;
  const found = valueAt(value, path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ ...locate([...path, key], { key: true }), code: "unknown_field", message: "is not a field of this" }));
  }
  if (issue.code === "invalid_union" && path.length === 3 && path[0] === "phases" && path[2] === "type" && found !== undefined) {
    const written = typeof found === "string" ? `"${found.slice(0, 100)}"` : "this";
    return [{ ...locate(path), code: "unknown_phase_type", message: `${written} is not a phase type; there are ${phaseTypes.join(", ")}` }];
  }
  if (found === undefined && (issue.code === "invalid_type" || issue.code === "invalid_value" || issue.code === "invalid_union")) {
    return [{ ...locate(path), code: "missing", message: "is missing" }];
  }
  if (issue.code === "invalid_key") return [{ ...locate(path, { key: true }), code: issue.code, message: issue.issues.map((inner) => inner.message).join("; ") }];
  if (issue.code === "invalid_union") {
    const inner = [...new Set(issue.errors.flat().map((each) => each.message))];
    return [{ ...locate(path), code: issue.code, message: inner.length > 0 ? inner.join(", or ") : issue.message }];
  }
  return [{ ...locate(path), code: issue.code, message: issue.message }];
}

/** Replaces every `sql_file` by the `sql` in it, in place. */
function inlineSql(spec: PipelineSpec, locate: Locate, options: SpecOptions): ErrorPlace[] {
  const errors: ErrorPlace[] = [];
  const inline = (holder: { sql?: string; sql_file?: string }, path: PropertyKey[]): void => {
    if (holder.sql_file === undefined) return;
    const place = locate([...path, "sql_file"]);
    if (options.readSqlFile === undefined) {
      errors.push({ ...place, code: "sql_file", message: "files are read only where a pipeline is loaded from a folder (`control-room pipeline run FILE`); put the SQL into `sql`" });
      return;
    }
    try {
      const sql = options.readSqlFile(holder.sql_file);
      if (sql.trim() === "") errors.push({ ...place, code: "sql_file", message: `${holder.sql_file} is empty` });
      else if (sql.length > 200_000) errors.push({ ...place, code: "sql_file", message: `${holder.sql_file} is longer than 200000 characters` });
      else if (sql.includes("\u0000")) errors.push({ ...place, code: "invalid_text", message: `${holder.sql_file} holds a NUL byte` });
      holder.sql = sql;
      delete holder.sql_file;
    } catch (error) {
      errors.push({ ...place, code: "sql_file", message: error instanceof Error ? error.message : String(error) });
    }
  };
  spec.phases.forEach((phase, index) => {
    if (phase.type === "query") inline(phase.config, ["phases", index, "config"]);
    if (phase.type === "transform") phase.config.tables.forEach((table, at) => inline(table, ["phases", index, "config", "tables", at]));
  });
  return errors;
}

function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

function loneSurrogate(text: string): number {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0xd800 || code > 0xdfff) continue;
    const next = text.charCodeAt(index + 1);
    if (code <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) index += 1;
    else return index;
  }
  return 0;
}
