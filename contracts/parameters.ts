import { z } from "zod";
import { jsonPointer } from "./canonical.ts";
import { isStorableText } from "./common.ts";
import type { ErrorPlace } from "./error.ts";
import type { PipelineSpec } from "./pipeline.ts";

const template = /\$\{\{(.*?)\}\}/g;
const parameterReference = /^\s*parameters\.([a-z][a-z0-9_]{0,62})\s*$/;

/** What stands in every `${{ … }}` of a text: the parameter's name, or null where it is nothing that we know. */
export function templateReferences(text: string): { written: string; parameter: string | null }[] {
  return [...text.matchAll(template)].map((match) => ({ written: match[0], parameter: parameterReference.exec(match[1] ?? "")?.[1] ?? null }));
}

/** Puts parameters into `${{ parameters.NAME }}`, each as `write` has it; a parameter without a value gives the empty text. */
export function fillTemplate(text: string, parameters: Record<string, unknown>, write: (value: string) => string = (value) => value): string {
  return text.replace(template, (written, inner: string) => {
    const name = parameterReference.exec(inner)?.[1];
    if (name === undefined) return written;
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (value === undefined || value === null) return "";
    return write(typeof value === "string" ? value : JSON.stringify(value));
  });
}

/**
 * The zod schema of a spec's `parameters` (a subset of JSON Schema 2020-12: what z.fromJSONSchema takes). Throws an
 * Error that names the keyword which is not supported.
 */
export function parametersValidator(schema: PipelineSpec["parameters"]): z.ZodType {
  // Kept: making one costs more than a hundred uses of it, and the runs of a batch share one spec.
  const validator = validators.get(schema) ?? z.fromJSONSchema(schema);
  validators.set(schema, validator);
  return validator;
}
const validators = new WeakMap<PipelineSpec["parameters"], z.ZodType>();

/**
 * Checks the parameters of a run against its pipeline and fills in the defaults. `parameters` is null when `errors` is
 * not empty; the paths are JSON pointers that begin with /parameters.
 */
export function applyParameters(
  spec: Pick<PipelineSpec, "parameters">,
  given: Record<string, unknown>,
): { parameters: Record<string, unknown>; errors: [] } | { parameters: null; errors: ErrorPlace[] } {
  const unstorable = unstorableTexts(given, ["parameters"]);
  if (unstorable.length > 0) return { parameters: null, errors: unstorable };
  const result = parametersValidator(spec.parameters).safeParse(given);
  if (result.success) return { parameters: { ...(result.data as Record<string, unknown>) }, errors: [] };
  const errors = result.error.issues.flatMap((issue): ErrorPlace[] => {
    const path = ["parameters", ...issue.path];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ path: jsonPointer([...path, key]), code: "unknown_parameter", message: "is not a parameter of this pipeline" }));
    }
    if (issue.code === "invalid_type" && valueAt(given, issue.path) === undefined) return [{ path: jsonPointer(path), code: "missing", message: "is missing" }];
    return [{ path: jsonPointer(path), code: issue.code, message: issue.message }];
  });
  return { parameters: null, errors };
}

export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at !== null && typeof at === "object" && Object.hasOwn(at, key) ? (at as Record<PropertyKey, unknown>)[key] : undefined), value);
}

/** Every text or key that PostgreSQL cannot hold: U+0000, lone surrogates. */
export function unstorableTexts(value: unknown, path: PropertyKey[] = []): ErrorPlace[] {
  const found: ErrorPlace[] = [];
  visit(value, path, (at, problem) => found.push({ path: jsonPointer(at), ...problem }));
  return found;
}

export interface JsonProblem { code: string; message: string }
/** Calls back for every part of a parsed value that JSON in PostgreSQL cannot hold. Cycles do not occur in parsed text. */
export function visit(value: unknown, path: PropertyKey[], problem: (path: PropertyKey[], problem: JsonProblem) => void): void {
  const badText = { code: "invalid_text", message: "holds a NUL byte or a lone surrogate" };
  if (typeof value === "string") {
    if (!isStorableText(value)) problem(path, badText);
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) problem(path, { code: "invalid_number", message: `is ${value}, which JSON cannot hold` });
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => visit(item, [...path, index], problem));
  } else if (value !== null && typeof value === "object") {
    if (ArrayBuffer.isView(value) || value instanceof Date) return problem(path, { code: "invalid_type", message: "is not a JSON value" });
    for (const [key, item] of Object.entries(value)) {
      if (!isStorableText(key)) problem([...path, key], badText);
      visit(item, [...path, key], problem);
    }
  }
}
