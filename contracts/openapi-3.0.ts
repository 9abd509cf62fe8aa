import type { Json, JsonObject } from "./json-schema.ts";

/**
 * An OpenAPI 3.1 document as a true 3.0.3 one: `type: [..., "null"]` and `anyOf` with null become `nullable`, `const` a
 * one-word enum, numeric `exclusiveMinimum` a boolean, `examples` of a schema one example; what 3.0 cannot say is left
 * out (it then allows more, never less). https://spec.openapis.org/oas/v3.0.3.html#schema-object
 */
export function toOpenApi30(document: JsonObject): JsonObject {
  const { info, ...rest } = structuredClone(document);
  const { license, ...about } = info as JsonObject;
  const { name } = license as JsonObject;
  return {
    ...(walk(rest) as JsonObject),
    openapi: "3.0.3",
    info: { ...about, license: { name: String(name), url: "https://www.apache.org/licenses/LICENSE-2.0" } },
  };
}

/** Finds the schemas: everything below a key `schema` or in components.schemas. */
function walk(value: Json): Json {
  if (Array.isArray(value)) return value.map(walk);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => {
    if (key === "schema") return [key, schema30(item)];
    if (key === "schemas") return [key, Object.fromEntries(Object.entries(item as JsonObject).map(([name, each]) => [name, schema30(each as JsonObject)]))];
    return [key, key === "example" || key === "examples" ? item : walk(item)];
  }));
}

const unknownTo30 = ["$schema", "$id", "$comment", "propertyNames", "contentMediaType", "contentEncoding", "unevaluatedProperties", "patternProperties", "prefixItems", "if", "then", "else", "dependentRequired", "dependentSchemas"];

export function schema30(given: Json): JsonObject {
  // `true` and `{}` allow everything in both.
  if (given === null || typeof given !== "object" || Array.isArray(given)) return {};
  const schema: JsonObject = { ...given };
  let nullable = false;
  if (Array.isArray(schema.prefixItems)) schema.items = {};
  for (const key of unknownTo30) delete schema[key];

  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((type) => type !== "null");
    nullable = types.length < schema.type.length;
    if (types.length === 1) schema.type = types[0] as Json;
    else {
      delete schema.type;
      schema.anyOf = types.map((type) => ({ type }));
    }
  }
  if (schema.type === "null") {
    delete schema.type;
    return { ...schema, type: "string", nullable: true, enum: [null] };
  }
  if ("const" in schema) {
    schema.enum = [schema.const];
    delete schema.const;
  }
  for (const [exclusive, inclusive] of [["exclusiveMinimum", "minimum"], ["exclusiveMaximum", "maximum"]] as const) {
    if (typeof schema[exclusive] !== "number") continue;
    schema[inclusive] = schema[exclusive];
    schema[exclusive] = true;
  }
  if (Array.isArray(schema.examples)) {
    if (schema.examples[0] !== undefined) schema.example = schema.examples[0];
    delete schema.examples;
  }
  for (const key of ["anyOf", "oneOf"] as const) {
    if (!Array.isArray(schema[key])) continue;
    const options = schema[key].filter((option) => !isNull(option));
    if (options.length < schema[key].length) nullable = true;
    schema[key] = options.map(schema30);
  }
  if (Array.isArray(schema.allOf)) schema.allOf = schema.allOf.map(schema30);
  for (const key of ["items", "not"] as const) if (schema[key] !== undefined) schema[key] = schema30(schema[key]);
  if (typeof schema.additionalProperties === "object") schema.additionalProperties = schema30(schema.additionalProperties);
  if (schema.properties !== undefined) schema.properties = Object.fromEntries(Object.entries(schema.properties as JsonObject).map(([name, item]) => [name, schema30(item)]));
  return settle(schema, nullable);
}

function isNull(option: Json): boolean {
  return option !== null && typeof option === "object" && !Array.isArray(option) && option.type === "null";
}

/** A lone alternative is merged; a reference may have no siblings in 3.0, so it goes into `allOf`. */
function settle(schema: JsonObject, nullable: boolean): JsonObject {
  let settled = schema;
  const [only, another] = (settled.anyOf as JsonObject[] | undefined) ?? [];
  if (only !== undefined && another === undefined) {
    const { anyOf: _, ...rest } = settled;
    settled = only.$ref === undefined ? { ...only, ...rest } : { ...rest, allOf: [only] };
  }
  if (settled.$ref !== undefined && (nullable || Object.keys(settled).length > 1)) {
    const { $ref, ...rest } = settled;
    settled = { ...rest, allOf: [{ $ref: $ref }] };
  }
  if (!nullable) return settled;
  // An enum that may be null must say so itself; `nullable` counts only beside a `type` (3.0.3, proposal 2019-10-31).
  if (Array.isArray(settled.enum) && !settled.enum.includes(null)) settled = { ...settled, enum: [...settled.enum, null] };
  return { ...settled, nullable: true };
}
