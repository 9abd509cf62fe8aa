import { describe, expect, it } from "vitest";
import { parameterFields, startingParameters } from "./parameter-schema.ts";

const schema = {
  type: "object",
  required: ["company", "as_of"],
  properties: {
    as_of: { type: "string", format: "date", title: "As of", description: "The day." },
    company: { type: "integer", minimum: 1, default: 1 },
    ratio: { type: ["number", "null"] },
    mode: { enum: ["full", "new"], default: "full" },
    at: { type: "string", format: "date-time" },
    dry: { type: "boolean" },
    ids: { type: "array", items: { type: "integer" } },
    mixed: { type: ["string", "integer"] },
    free: { type: "string", examples: ["acme"] },
  },
};

describe("the fields of a run form", () => {
  it("follow the order and the types of the schema", () => {
    expect(parameterFields(schema).map((field) => [field.name, field.kind])).toEqual([
      ["as_of", "date"], ["company", "integer"], ["ratio", "number"], ["mode", "choice"], ["at", "date-time"], ["dry", "boolean"], ["ids", "json"], ["mixed", "json"], ["free", "text"],
    ]);
  });

  it("do not ask for what has a default", () => {
    expect(parameterFields(schema).filter((field) => field.required).map((field) => field.name)).toEqual(["as_of"]);
  });

  it("are none for a schema without properties", () => {
    expect(parameterFields({ type: "object" })).toEqual([]);
  });
});

describe("the parameters a form starts with", () => {
  const fields = parameterFields(schema);

  it("are the defaults, and what was handed on wins over them", () => {
    expect(startingParameters(fields, undefined).parameters).toEqual({ company: 1, mode: "full" });
    expect(startingParameters(fields, '{"company":7,"extra":true}')).toEqual({ parameters: { company: 7, mode: "full", extra: true }, problem: null });
  });

  it.each(["[1]", "null", "{", "7"])("are the defaults, with a word about it, where %s was handed on", (handed) => {
    const { parameters, problem } = startingParameters(fields, handed);
    expect(parameters).toEqual({ company: 1, mode: "full" });
    expect(problem).toMatch(/not a JSON object/);
  });
});
