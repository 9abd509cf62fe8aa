import { isObject, listOf, objectOf, type Json, type JsonObject, type OpenApi, type Operation } from "./openapi-document.ts";

/** A change after which a program that was right before is wrong. `place` names it for `contracts/accepted_breaks.yml`; `at` stands in the new document. */
export interface BreakingChange {
  rule: string;
  place: string;
  at: PropertyKey[];
  message: string;
}

/** `request`: what callers send, so accepting less breaks; `response`: what they get, so promising less breaks. */
type Direction = "request" | "response";

/** Every breaking change from one document to another. Documents may use references; schemas that contain themselves are compared once. */
export function breakingChanges(before: OpenApi, after: OpenApi): BreakingChange[] {
  const found: BreakingChange[] = [];
  const present = new Map(after.operations.map((operation) => [`${operation.method} ${operation.path}`, operation]));
  for (const old of before.operations) {
    const key = `${old.method} ${old.path}`;
    const operation = present.get(key);
    if (operation === undefined) found.push({ rule: "operation-removed", place: key, at: ["paths", old.path], message: `${key} is gone` });
    else compareOperations(before, after, old, operation, found);
  }
  return found;
}

function compareOperations(before: OpenApi, after: OpenApi, old: Operation, present: Operation, found: BreakingChange[]): void {
  const key = `${old.method} ${old.path}`;
  const report = (rule: string, place: string, at: PropertyKey[], message: string) => found.push({ rule, place: `${key} ${place}`.trim(), at, message: `${key}: ${message}` });
  if (old.id !== present.id) report("operation-renamed", "operationId", [...present.at, "operationId"], `${old.id} is called ${present.id} now, and so is the method of generated clients`);
  const parameters = (api: OpenApi, operation: Operation) => new Map(listOf(operation.value["parameters"]).map((each, index) => {
    const parameter = objectOf(api.resolve(each));
    return [`${String(parameter["in"])} ${String(parameter["name"])}`, { parameter, index }];
  }));
  const [had, has] = [parameters(before, old), parameters(after, present)];
  for (const [name, { parameter }] of had) {
    const now = has.get(name);
    if (now === undefined) {
      report("parameter-removed", name, present.at, `the parameter ${name} is gone`);
      continue;
    }
    const at = [...present.at, "parameters", now.index];
    if (now.parameter["required"] === true && parameter["required"] !== true) report("parameter-required", name, at, `the parameter ${name} is required now`);
    new SchemaComparison(before, after, "request", (rule, place, within, message) => report(rule, place, [...at, "schema", ...within], message)).compare(parameter["schema"], now.parameter["schema"], name, []);
  }
  for (const [name, { parameter, index }] of has) {
    if (!had.has(name) && parameter["required"] === true) report("parameter-required", name, [...present.at, "parameters", index], `the parameter ${name} is new and required`);
  }
  compareBodies(before, after, old, present, report);
  compareAnswers(before, after, old, present, report);
}

type Report = (rule: string, place: string, at: PropertyKey[], message: string) => void;

function compareBodies(before: OpenApi, after: OpenApi, old: Operation, present: Operation, report: Report): void {
  const [had, has] = [objectOf(before.resolve(old.value["requestBody"])), objectOf(after.resolve(present.value["requestBody"]))];
  const at = [...present.at, "requestBody"];
  if (has["required"] === true && had["required"] !== true) report("body-required", "body", at, "a body is required now");
  for (const [type, media] of Object.entries(objectOf(had["content"]))) {
    const now = objectOf(has["content"])[type];
    if (now === undefined) report("media-type-removed", `body ${type}`, at, `takes no ${type} any more`);
    else new SchemaComparison(before, after, "request", (rule, place, within, message) => report(rule, place, [...at, "content", type, "schema", ...within], message)).compare(objectOf(media)["schema"], objectOf(now)["schema"], "body", []);
  }
}

function compareAnswers(before: OpenApi, after: OpenApi, old: Operation, present: Operation, report: Report): void {
  for (const [status, answer] of Object.entries(objectOf(old.value["responses"]))) {
    const now = objectOf(present.value["responses"])[status];
    if (now === undefined) {
      // A problem that no longer happens breaks nobody.
      if (Number(status) < 400) report("answer-removed", status, [...present.at, "responses"], `never answers ${status} any more`);
      continue;
    }
    if (Number(status) >= 400) continue;
    for (const [type, media] of Object.entries(objectOf(objectOf(before.resolve(answer))["content"]))) {
      const at = [...present.at, "responses", status, "content", type];
      const found = objectOf(objectOf(after.resolve(now))["content"])[type];
      if (found === undefined) report("media-type-removed", `${status} ${type}`, [...present.at, "responses", status], `answers ${status} without ${type}`);
      else new SchemaComparison(before, after, "response", (rule, place, within, message) => report(rule, place, [...at, "schema", ...within], message)).compare(objectOf(media)["schema"], objectOf(found)["schema"], status, []);
    }
  }
}

const lowerBounds = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
const upperBounds = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

class SchemaComparison {
  private readonly seen = new Set<string>();
  constructor(private readonly before: OpenApi, private readonly after: OpenApi, private readonly direction: Direction, private readonly report: Report) {}

  compare(old: Json | undefined, present: Json | undefined, place: string, within: PropertyKey[]): void {
    const pair = isObject(old) && isObject(present) && "$ref" in old && "$ref" in present ? `${String(old["$ref"])} ${String(present["$ref"])}` : null;
    if (pair !== null && this.seen.has(pair)) return;
    if (pair !== null) this.seen.add(pair);
    const [had, has] = [this.before.resolve(old), this.after.resolve(present)];
    // A reference leads elsewhere: what is said about it is said where the reference stands.
    const at = isObject(present) && "$ref" in present ? null : within;
    if (!isObject(had) || !isObject(has)) return;
    const say = (rule: string, message: string) => this.report(rule, place, at ?? within, message);
    this.types(had, has, place, say);
    this.values(had, has, place, say);
    if (this.direction === "request") this.bounds(had, has, place, say);
    this.properties(had, has, place, within);
    if (had["items"] !== undefined && has["items"] !== undefined) this.compare(had["items"], has["items"], `${place}[]`, [...within, "items"]);
    if (isObject(had["additionalProperties"]) && isObject(has["additionalProperties"])) this.compare(had["additionalProperties"], has["additionalProperties"], `${place}.*`, [...within, "additionalProperties"]);
    for (const word of ["anyOf", "oneOf", "allOf"] as const) this.variants(listOf(had[word]), listOf(has[word]), word, place, within, say);
  }

  private types(had: JsonObject, has: JsonObject, place: string, say: (rule: string, message: string) => void): void {
    const [old, present] = [typesOf(had), typesOf(has)];
    if (old === null || present === null) {
      if (old === null && present !== null && this.direction === "request") say("type-changed", `${place} takes only ${present.join(", ")} now`);
      return;
    }
    const covers = (all: string[], type: string) => all.includes(type) || (type === "integer" && all.includes("number"));
    const lost = this.direction === "request" ? old.filter((type) => !covers(present, type)) : present.filter((type) => !covers(old, type));
    if (lost.length > 0) say("type-changed", this.direction === "request" ? `${place} takes no ${lost.join(", ")} any more` : `${place} may be ${lost.join(", ")} now`);
  }

  private values(had: JsonObject, has: JsonObject, place: string, say: (rule: string, message: string) => void): void {
    const [old, present] = [valuesOf(had), valuesOf(has)];
    if (old === null && present === null) return;
    const text = (value: Json) => JSON.stringify(value);
    if (this.direction === "request") {
      if (old === null) say("values-narrowed", `${place} takes only ${present!.map(text).join(", ")} now`);
      else if (present !== null) {
        const lost = old.filter((value) => !present.map(text).includes(text(value)));
        if (lost.length > 0) say("values-narrowed", `${place} takes no ${lost.map(text).join(", ")} any more`);
      }
    } else if (old !== null && present === null) say("values-widened", `${place} may be anything now`);
    else if (old !== null) {
      const more = present!.filter((value) => !old.map(text).includes(text(value)));
      if (more.length > 0) say("values-widened", `${place} may be ${more.map(text).join(", ")} now`);
    }
  }

  private bounds(had: JsonObject, has: JsonObject, place: string, say: (rule: string, message: string) => void): void {
    for (const word of lowerBounds) if (typeof has[word] === "number" && (typeof had[word] !== "number" || has[word] > had[word])) say("limit-tightened", `${place}: ${word} is ${has[word]}, was ${had[word] ?? "not there"}`);
    for (const word of upperBounds) if (typeof has[word] === "number" && (typeof had[word] !== "number" || has[word] < had[word])) say("limit-tightened", `${place}: ${word} is ${has[word]}, was ${had[word] ?? "not there"}`);
    if (typeof has["pattern"] === "string" && has["pattern"] !== had["pattern"]) say("limit-tightened", `${place}: pattern is ${has["pattern"]}, was ${String(had["pattern"] ?? "not there")}`);
    if (typeof has["format"] === "string" && has["format"] !== had["format"]) say("limit-tightened", `${place}: format is ${has["format"]}, was ${String(had["format"] ?? "not there")}`);
  }

  private properties(had: JsonObject, has: JsonObject, place: string, within: PropertyKey[]): void {
    const [old, present] = [objectOf(had["properties"]), objectOf(has["properties"])];
    const [needed, needs] = [listOf(had["required"]), listOf(has["required"])];
    for (const [name, schema] of Object.entries(old)) {
      const at = [...within, "properties", name];
      const field = `${place}.${name}`;
      if (present[name] === undefined) {
        // A caller that sends what nobody reads is refused only where fields are closed.
        if (this.direction === "response" || has["additionalProperties"] === false) this.report("field-removed", field, within, `${field} is gone`);
        continue;
      }
      if (this.direction === "response" && needed.includes(name) && !needs.includes(name)) this.report("field-optional", field, at, `${field} may be missing now`);
      if (this.direction === "request" && needs.includes(name) && !needed.includes(name)) this.report("field-required", field, at, `${field} is required now`);
      this.compare(schema, present[name], field, at);
    }
    for (const name of Object.keys(present)) {
      if (old[name] === undefined && this.direction === "request" && needs.includes(name)) this.report("field-required", `${place}.${name}`, [...within, "properties", name], `${place}.${name} is new and required`);
    }
    if (this.direction === "request" && has["additionalProperties"] === false && had["additionalProperties"] !== false && Object.keys(had).length > 0) this.report("fields-closed", place, within, `${place} takes no other fields any more`);
  }

  /** Of alternatives, those of the same name (reference), kind (`type`, `const`) or place are compared. */
  private variants(had: Json[], has: Json[], word: string, place: string, within: PropertyKey[], say: (rule: string, message: string) => void): void {
    if (had.length === 0 && has.length === 0) return;
    if (has.length === 0 || had.length === 0) {
      if (word !== "allOf" && (this.direction === "request" ? has.length > 0 : had.length > 0)) return; // types and values have said it
      return;
    }
    const shape = (api: OpenApi, each: Json) => (isObject(each) && "$ref" in each ? String(each["$ref"]) : JSON.stringify(typesOf(objectOf(api.resolve(each))) ?? valuesOf(objectOf(api.resolve(each))) ?? "any"));
    const left = has.map((each, index) => ({ each, index, key: shape(this.after, each) }));
    const lost: string[] = [];
    for (const each of had) {
      const key = shape(this.before, each);
      const at = left.findIndex((one) => one.key === key);
      if (at < 0) lost.push(key);
      else {
        const [match] = left.splice(at, 1);
        this.compare(each, match!.each, place, [...within, word, match!.index]);
      }
    }
    if (word === "allOf") return;
    if (this.direction === "request" && lost.length > 0) say("variant-removed", `${place} takes no ${lost.join(", ")} any more`);
    if (this.direction === "response" && left.length > 0) say("variant-added", `${place} may be ${left.map((one) => one.key).join(", ")} now`);
  }
}

function typesOf(schema: JsonObject): string[] | null {
  const { type } = schema;
  if (typeof type === "string") return [type];
  if (Array.isArray(type)) return type.map(String);
  // One of several plain types is said with anyOf as well.
  const variants = [...listOf(schema["anyOf"]), ...listOf(schema["oneOf"])];
  const each = variants.map((variant) => (isObject(variant) && !("$ref" in variant) ? typesOf(variant) : null));
  return each.length > 0 && each.every((types) => types !== null) ? [...new Set(each.flat() as string[])] : null;
}

function valuesOf(schema: JsonObject): Json[] | null {
  if (Array.isArray(schema["enum"])) return schema["enum"];
  return "const" in schema ? [schema["const"]!] : null;
}
