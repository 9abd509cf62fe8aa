import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { driftedContracts } from "../scripts/generate-contracts.ts";
import { operations } from "./http.ts";
import type { Json, JsonObject } from "./json-schema.ts";
import { schema30, toOpenApi30 } from "./openapi-3.0.ts";
import { openapi } from "./openapi.ts";
import { pipelineSpec } from "./pipeline.ts";
import { createRunRequest, run } from "./run.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the committed documents are what the contract says", async () => {
  expect(await driftedContracts()).toEqual([]);
});

test.each(["openapi.yaml", "openapi-3.0.yaml"])("%s is valid and lints without a warning", async (file) => {
  const lint = promisify(execFile)(`${root}/node_modules/.bin/redocly`, ["lint", `contracts/${file}`, "--config", "redocly.yaml", "--format", "json"], {
    cwd: root,
    env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
    timeout: 60_000,
  });
  const { stdout } = await lint;
  const found = JSON.parse(stdout) as { totals: { errors: number; warnings: number }; problems: unknown[] };
  expect(found.problems).toEqual([]);
  expect(found.totals).toMatchObject({ errors: 0, warnings: 0 });
}, 90_000);

test("every operation is described once, with its path parameters and its problems", () => {
  const paths = openapi().paths as Record<string, Record<string, JsonObject>>;
  const described = Object.values(paths).flatMap((methods) => Object.values(methods).map((each) => each.operationId));
  expect(described.toSorted()).toEqual(Object.keys(operations).toSorted());
  for (const [name, operation] of Object.entries(operations)) {
    const found = paths[operation.path]?.[operation.method.toLowerCase()] as JsonObject & { responses: JsonObject; parameters?: JsonObject[] };
    expect(found.operationId, name).toBe(name);
    const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    expect((found.parameters ?? []).filter((each) => each.in === "path").map((each) => each.name), name).toEqual(inPath);
    expect(Object.keys(found.responses), name).toEqual(expect.arrayContaining(["400", "500", "503"]));
    if (operation.access !== "public") expect(Object.keys(found.responses), name).toContain("401");
  }
});

/** Every schema object below a value, in any depth. */
function everything(value: Json, visit: (object: JsonObject) => void): void {
  if (Array.isArray(value)) for (const item of value) everything(item, visit);
  else if (value !== null && typeof value === "object") {
    visit(value);
    for (const item of Object.values(value)) everything(item, visit);
  }
}

test("the 3.0 document uses no word of 3.1", () => {
  const document = toOpenApi30(openapi());
  expect(document.openapi).toBe("3.0.3");
  const components = document.components as JsonObject;
  everything([document.paths ?? null, components.schemas ?? null], (object) => {
    for (const word of ["const", "propertyNames", "$defs", "$schema", "prefixItems", "patternProperties"]) {
      // A property of our own may be called like a keyword; those hold schemas, not values.
      if (word in object && typeof object[word] !== "object") expect.fail(`${word} in ${JSON.stringify(object).slice(0, 200)}`);
    }
    expect(Array.isArray(object.type), JSON.stringify(object).slice(0, 200)).toBe(false);
    expect(object.type).not.toBe("null");
    if ("$ref" in object) expect(Object.keys(object)).toEqual(["$ref"]);
    if ("exclusiveMinimum" in object) expect(typeof object.exclusiveMinimum).toBe("boolean");
  });
});

test("the words of 3.1 keep their meaning in 3.0", () => {
  expect(schema30({ type: ["string", "null"] })).toEqual({ type: "string", nullable: true });
  expect(schema30({ anyOf: [{ $ref: "#/a" }, { type: "null" }] })).toEqual({ allOf: [{ $ref: "#/a" }], nullable: true });
  expect(schema30({ anyOf: [{ type: "string", enum: ["a"] }, { type: "null" }] })).toEqual({ type: "string", enum: ["a", null], nullable: true });
  expect(schema30({ type: "integer", exclusiveMinimum: 0 })).toEqual({ type: "integer", minimum: 0, exclusiveMinimum: true });
  expect(schema30({ type: "string", const: "delta" })).toEqual({ type: "string", enum: ["delta"] });
});

test("what the contract accepts, its JSON Schema accepts, and the other way round", () => {
  const fromSchema = (schema: z.ZodType) => z.fromJSONSchema(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Parameters<typeof z.fromJSONSchema>[0]);
  const request = fromSchema(createRunRequest);
  for (const body of [{ template_key: "odoo" }, { template_key: "Odoo" }, { priority: -1 }, { unknown: 1 }, { labels: ["a"], queue: "q" }, 7]) {
    expect(request.safeParse(body).success, JSON.stringify(body)).toBe(createRunRequest.safeParse(body).success);
  }
  const pipeline = fromSchema(pipelineSpec);
  const spec = { version: 1, name: "p", phases: [{ name: "a", type: "query", config: { sql: "select 1" } }] };
  expect(pipeline.safeParse(spec).success).toBe(true);
  expect(pipeline.safeParse({ ...spec, version: 2 }).success).toBe(false);
  expect(pipeline.safeParse({ ...spec, phases: [{ name: "a", type: "bake", config: {} }] }).success).toBe(false);
  expect(z.toJSONSchema(run, { io: "output" }).$defs?.Run).toMatchObject({ required: Object.keys(run.shape) });
});
