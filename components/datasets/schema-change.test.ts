import { expect, test } from "vitest";
import { schemaChange } from "./schema-change";

const id = { name: "id", type: "integer" };
const name = { name: "name", type: "string" };

test("columns that came, went or have another type are named; their order alone is no change", () => {
  expect(schemaChange([id, name], [name, id])).toBeNull();
  expect(schemaChange([id, name], [{ name: "id", type: "long" }, { name: "city", type: "string" }])).toEqual({ added: ["city"], removed: ["name"], retyped: [{ name: "id", from: "integer", to: "long" }] });
});
