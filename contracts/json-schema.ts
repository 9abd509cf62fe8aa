import { z } from "zod";
import type { ErrorCode } from "./error.ts";
import type { Operation } from "./http.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const prefix = "#/components/schemas/";
/** Formats say it; zod's patterns for them are long and differ between releases. */
const selfExplaining = ["date-time", "uuid", "uri", "date"];

/** zod → JSON Schema 2020-12, everything with an id as a reference. `input` for what callers send. */
function render(io: "input" | "output"): (schema: z.ZodType) => JsonObject {
  return (schema) => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any", reused: "inline", override: ({ jsonSchema }) => tidy(jsonSchema as JsonObject, io) }) as JsonObject;
    return rest;
  };
}

function tidy(schema: JsonObject, io: "input" | "output"): void {
  if (typeof schema.format === "string" && selfExplaining.includes(schema.format)) delete schema.pattern;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  // Fields may be added to answers: a client must not refuse what it does not know.
  if (io === "output" && schema.additionalProperties === false) delete schema.additionalProperties;
}

/** `{$defs, …}` of one rendered schema, moved into `components`; references rewritten to point there. */
function hoist(rendered: JsonObject, components: Map<string, JsonObject>): JsonObject {
  const rewrite = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(rewrite);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).filter(([key]) => key !== "$defs" && key !== "id" && key !== "$id")
        .map(([key, item]) => [key, key === "$ref" && typeof item === "string" ? item.replace("#/$defs/", prefix) : key === "properties" ? properties(item) : rewrite(item)]),
    );
  };
  // A property may itself be called `id`.
  const properties = (value: Json): Json => (value !== null && typeof value === "object" && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rewrite(item)])) : value);
  const definitions = rendered.$defs as Record<string, JsonObject> | undefined;
  for (const [name, definition] of Object.entries(definitions ?? {})) add(components, name, rewrite(definition) as JsonObject);
  return rewrite(rendered) as JsonObject;
}

function add(components: Map<string, JsonObject>, name: string, schema: JsonObject): void {
  const present = components.get(name);
  if (present !== undefined && JSON.stringify(present) !== JSON.stringify(schema)) {
    throw new Error(`the schema ${name} is sent and answered in two forms: give one of them its own id`);
  }
  components.set(name, schema);
}

/** Renders schemas for one direction and collects those that have an id. */
export function renderer(io: "input" | "output", components: Map<string, JsonObject>): (schema: z.ZodType) => JsonObject {
  const toSchema = render(io);
  return (schema) => hoist(toSchema(schema), components);
}

/** Every code that an operation may answer, those of its access and of its body included. */
export function problemCodes(operation: Operation): ErrorCode[] {
  const common: ErrorCode[] = ["invalid_input", "not_configured", "database_unavailable", "internal"];
  const byAccess: Record<Operation["access"], ErrorCode[]> = {
    public: [],
    scheduler: ["unauthenticated", "token_invalid"],
    member: ["unauthenticated", "token_invalid", "forbidden", "invalid_text", ...(operation.method === "GET" ? [] : (["origin_refused"] as const))],
    executor: ["unauthenticated", "token_invalid", "forbidden", "invalid_text", "origin_refused"],
    lease: ["unauthenticated", "token_invalid", "forbidden", "invalid_text", "origin_refused"],
  };
  const byBody: readonly ErrorCode[] = operation.body?.kind === "json" ? ["invalid_json", "invalid_text", "payload_too_large", "limit_exceeded", "unsupported_media_type"] : [];
  const byQuery: readonly ErrorCode[] = operation.query !== undefined && "limit" in operation.query.shape ? ["limit_exceeded"] : [];
  return [...new Set([...common, ...byAccess[operation.access], ...byBody, ...byQuery, ...operation.errors])];
}
