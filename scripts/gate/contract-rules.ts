import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import type { Finding } from "./gate.ts";
import { isObject, listOf, objectOf, type Json, type JsonObject, type OpenApi } from "./openapi-document.ts";

const snake = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const schemaName = /^[A-Z][A-Za-z0-9]*$/;
const segment = /^(\{[a-z][a-z0-9_]*\}|[a-z][a-z0-9]*(-[a-z0-9]+)*(\.json)?)$/;
/** Maps from names to schemas: their keys are names of fields, not words of JSON Schema. */
const fieldMaps = new Set(["properties", "patternProperties"]);
/** Schemas of formats that others have defined: their fields are named as there. ProvenanceEnvelope: DSSE; OpenLineageEvent: OpenLineage. */
const foreign = new Set(["ProvenanceEnvelope", "OpenLineageEvent"]);

/** Names: operations and fields snake_case, schemas PascalCase, paths in lower-case words with snake_case parameters. */
export function lintNames(api: OpenApi, file: string): Finding[] {
  const found: Finding[] = [];
  const report = (path: PropertyKey[], message: string) => found.push({ rule: "naming", file, line: api.line(path), message });
  for (const { id, path, at, value } of api.operations) {
    if (!snake.test(id)) report([...at, "operationId"], `the operation ${id} is not snake_case`);
    if (!path.split("/").slice(1).every((each) => segment.test(each))) report(at.slice(0, 2), `${path} is not made of lower-case words, hyphens and {snake_case}`);
    for (const [index, each] of listOf(value["parameters"]).entries()) {
      const parameter = objectOf(api.resolve(each));
      const name = String(parameter["name"]);
      if (parameter["in"] === "header" ? !/^[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)*$/.test(name) : !snake.test(name)) report([...at, "parameters", index], `the parameter ${name} (${String(parameter["in"])}) is not named as others are`);
    }
  }
  for (const name of Object.keys(objectOf(objectOf(api.document["components"])["schemas"]))) {
    if (!schemaName.test(name)) report(["components", "schemas", name], `the schema ${name} is not PascalCase`);
  }
  walk(api.document, [], (object, path) => {
    if (!fieldMaps.has(String(path.at(-1))) || path.at(-2) === "properties" || path.includes("examples") || path.includes("example")) return;
    if (path[0] === "components" && path[1] === "schemas" && foreign.has(String(path[2]))) return;
    for (const name of Object.keys(object)) if (path.at(-1) === "properties" && !snake.test(name)) report([...path, name], `the field ${name} is not snake_case`);
  });
  return found;
}

function walk(value: Json, path: PropertyKey[], visit: (object: JsonObject, path: PropertyKey[]) => void): void {
  if (Array.isArray(value)) for (const [index, each] of value.entries()) walk(each, [...path, index], visit);
  else if (isObject(value)) {
    visit(value, path);
    for (const [key, each] of Object.entries(value)) walk(each, [...path, key], visit);
  }
}

const routesFolder = "app/api/v1";

/** Operations that the document promises and no route serves, and the reverse. */
export function lintServed(root: string, api: OpenApi, file: string): Finding[] {
  const folder = join(root, routesFolder);
  const served = new Map<string, { file: string; line: number }>();
  for (const name of existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : []) {
    const route = name.split(sep).join("/");
    if (!route.endsWith("route.ts") || route.startsWith("[[...")) continue;
    const path = `/${route.replace(/\/?route\.ts$/, "").replaceAll(/\[(\w+)\]/g, "{$1}")}`;
    for (const [index, line] of readFileSync(join(folder, name), "utf8").split("\n").entries()) {
      const [, method, operation] = /^ {2}(GET|POST|PUT|PATCH|DELETE): route\("(\w+)"/.exec(line) ?? [];
      if (method !== undefined) served.set(`${method} ${path} ${operation}`, { file: `${routesFolder}/${route}`, line: index + 1 });
    }
  }
  const written = new Set(api.operations.map(({ method, path, id }) => `${method} ${path} ${id}`));
  return [
    ...api.operations.filter(({ method, path, id }) => !served.has(`${method} ${path} ${id}`)).map(({ method, path, id, at }) => ({ rule: "not-served", file, line: api.line(at), message: `no route serves ${method} ${path} (${id})` })),
    ...[...served].filter(([key]) => !written.has(key)).map(([key, place]) => ({ rule: "not-written", ...place, message: `the contract has no ${key}` })),
  ];
}
