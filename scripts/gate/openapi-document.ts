import { readSpecText } from "../../contracts/spec-text.ts";

export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };
export const isObject = (value: Json | undefined): value is JsonObject => value !== null && typeof value === "object" && !Array.isArray(value);
export const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
export const listOf = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);

export const methods = ["get", "put", "post", "delete", "patch"] as const;

export interface Operation {
  id: string;
  method: string;
  path: string;
  /** Where it stands in the document. */
  at: string[];
  value: JsonObject;
}

/** An OpenAPI document with the lines of everything in it. */
export interface OpenApi {
  document: JsonObject;
  operations: Operation[];
  /** Follows references; what they lead to stands elsewhere. */
  resolve(value: Json | undefined): Json | undefined;
  line(path: readonly PropertyKey[]): number;
}

/** Throws for a text that is no YAML or JSON object. */
export function readOpenApi(text: string): OpenApi {
  const read = readSpecText(text);
  const [problem] = read.errors;
  if (problem !== undefined) throw new SyntaxProblem(problem.message, problem.line ?? 1);
  if (!isObject(read.value as Json)) throw new SyntaxProblem("is no OpenAPI document", 1);
  const document = read.value as JsonObject;
  const resolve = (value: Json | undefined, depth = 0): Json | undefined => {
    if (!isObject(value) || typeof value["$ref"] !== "string" || depth > 20) return value;
    const target = value["$ref"].replace(/^#\//, "").split("/").map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"))
      .reduce<Json | undefined>((found, key) => (isObject(found) ? found[key] : undefined), document);
    return resolve(target, depth + 1);
  };
  const operations = Object.entries(objectOf(document["paths"])).flatMap(([path, item]) => methods.filter((method) => isObject(objectOf(item)[method])).map((method) => {
    const value = objectOf(objectOf(item)[method]);
    return { id: String(value["operationId"] ?? `${method} ${path}`), method: method.toUpperCase(), path, at: ["paths", path, method], value };
  }));
  return { document, operations, resolve, line: (path) => read.placeOf(path, { key: true }).line ?? 1 };
}

export class SyntaxProblem extends Error {
  readonly line: number;
  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}
