import { words } from "@/lib/messages/pipelines";

/** A property of a pipeline's parameters (JSON Schema 2020-12), as far as a form can draw it. */
export interface ParameterSchema {
  name: string;
  title: string;
  description: string | null;
  required: boolean;
  kind: "text" | "number" | "integer" | "boolean" | "date" | "date-time" | "choice" | "json";
  /** Of `choice`. */
  options: unknown[];
  default: unknown;
  example: unknown;
  minimum: number | null;
  maximum: number | null;
}

type Properties = Record<string, Record<string, unknown>>;

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === "object" && !Array.isArray(value);
const numberOr = (value: unknown): number | null => (typeof value === "number" ? value : null);
const textOr = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** The fields of a form, in the order in which the schema names them. What the form cannot draw is edited as JSON. */
export function parameterFields(schema: Record<string, unknown>): ParameterSchema[] {
  const properties = isObject(schema.properties) ? (schema.properties as Properties) : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.entries(properties).map(([name, property]) => ({
    name,
    title: textOr(property.title) ?? name,
    description: textOr(property.description),
    required: required.includes(name) && property.default === undefined,
    kind: kindOf(property),
    options: Array.isArray(property.enum) ? property.enum : [],
    default: property.default,
    example: Array.isArray(property.examples) ? property.examples[0] : undefined,
    minimum: numberOr(property.minimum),
    maximum: numberOr(property.maximum),
  }));
}

function kindOf(property: Record<string, unknown>): ParameterSchema["kind"] {
  if (Array.isArray(property.enum)) return "choice";
  const types = [property.type].flat().filter((type) => type !== "null");
  if (types.length !== 1) return "json";
  switch (types[0]) {
    case "string": return property.format === "date" ? "date" : property.format === "date-time" ? "date-time" : "text";
    case "number": return "number";
    case "integer": return "integer";
    case "boolean": return "boolean";
    default: return "json";
  }
}

/** What a form starts with: the defaults, and over them what was handed on (a JSON object as text, from the URL). */
export function startingParameters(fields: readonly ParameterSchema[], handed: string | undefined): { parameters: Record<string, unknown>; problem: string | null } {
  const defaults = Object.fromEntries(fields.filter((field) => field.default !== undefined).map((field) => [field.name, field.default]));
  if (handed === undefined) return { parameters: defaults, problem: null };
  try {
    const value: unknown = JSON.parse(handed);
    if (isObject(value)) return { parameters: { ...defaults, ...value }, problem: null };
  } catch {
    // Said below: the form then starts with the defaults.
  }
  return { parameters: defaults, problem: words.parameterSchema.theParametersInTheAddress };
}
