import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { readSpecText } from "../../contracts/spec-text.ts";
import { UsageError, type Finding } from "./gate.ts";

/** A YAML or JSON file that was read against its schema. */
export interface ReadDocument<T> {
  /** Null where it has findings. */
  value: T | null;
  findings: Finding[];
  /** The line of a place in it; of its name where `key` is true. */
  line(path: readonly PropertyKey[], key?: boolean): number;
}

/** Reads and checks one file. A file that is missing is a finding, too. */
export function readDocument<S extends z.ZodType>(root: string, file: string, schema: S): ReadDocument<z.output<S>> {
  if (!existsSync(join(root, file))) return { value: null, findings: [{ rule: "missing", file, line: 1, message: "is not there" }], line: () => 1 };
  const text = readSpecText(readFileSync(join(root, file), "utf8"));
  const line = (path: readonly PropertyKey[], key = false): number => text.placeOf(path, { key }).line ?? 1;
  if (text.errors.length > 0) return { value: null, findings: text.errors.map((error) => ({ rule: "syntax", file, line: error.line ?? 1, message: error.message })), line };
  const parsed = schema.safeParse(text.value);
  if (parsed.success) return { value: parsed.data, findings: [], line };
  const findings = parsed.error.issues.flatMap((issue) => (issue.code === "unrecognized_keys"
    ? issue.keys.map((key) => ({ rule: "structure", file, line: line([...issue.path, key], true), message: `${key} is not a field of this` }))
    : [{ rule: "structure", file, line: line(issue.path), message: `${issue.path.map(String).join(".") || "the document"}: ${issue.message}` }]));
  return { value: null, findings, line };
}

/** The value of a document that must be right; throws UsageError with its first finding. */
export function mustRead<S extends z.ZodType>(root: string, file: string, schema: S): z.output<S> {
  const { value, findings } = readDocument(root, file, schema);
  const [first] = findings;
  if (value === null) throw new UsageError(`${first?.file}:${first?.line}: ${first?.message}`);
  return value;
}

/** A finding where a generated file is not what its source says. */
export function driftOf(root: string, file: string, expected: string, remedy: string): Finding[] {
  const present = existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8").replaceAll("\r\n", "\n") : null;
  if (present === expected) return [];
  const [lines, wanted] = [(present ?? "").split("\n"), expected.split("\n")];
  const first = wanted.findIndex((text, index) => lines[index] !== text);
  return [{ rule: "drift", file, line: present === null ? 1 : Math.max(1, (first < 0 ? wanted.length : first) + 1), message: `is ${present === null ? "not there" : "not what its source says"}: ${remedy}` }];
}
