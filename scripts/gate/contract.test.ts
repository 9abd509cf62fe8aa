import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { breakingChanges } from "./breaking-changes.ts";
import { contractFile, contractGate, lintBreaks } from "./contract.ts";
import { lintNames, lintServed } from "./contract-rules.ts";
import { readOpenApi, type JsonObject } from "./openapi-document.ts";
import { good, route } from "./testing-contract.ts";
import { aTree, commit, ROOT, write } from "./testing.ts";

type Good = typeof good;
/** A copy of the good contract with something done to it. */
function changed(change: (document: any) => void): Good { // eslint-disable-line typescript/no-explicit-any -- tests break it in ways that no type allows
  const copy = structuredClone(good);
  change(copy);
  return copy;
}
const treeOf = (document: Good, files: Record<string, string> = route) => aTree({ [contractFile]: stringify(document), ...files });
const rules = async (root: string, base?: string) => (await contractGate.run(root, base === undefined ? {} : { base })).findings.map(({ rule, file, line }) => `${rule} ${file}:${line}`);
/** The line on which a text first stands in the contract of a tree. */
const lineOf = (root: string, text: string) => readFileSync(join(root, contractFile), "utf8").split("\n").findIndex((line) => `${line}\n`.includes(text)) + 1;

test("a good contract passes", async () => {
  expect(await rules(treeOf(good))).toEqual([]);
});

test("structure, examples and names fail with their rule and line", async () => {
  const root = treeOf(changed((document) => {
    document.paths["/runs/{run_id}"].post.operationId = "changeRun";
    delete document.paths["/runs/{run_id}"].post.responses["400"];
    document.components.schemas.Change.examples = [{ status: "asleep" }];
    document.components.schemas.Run.properties.runId = { type: "strin" };
  }), { "app/api/v1/runs/[run_id]/route.ts": route["app/api/v1/runs/[run_id]/route.ts"].replace("change_run", "changeRun") });
  const found = await rules(root);
  expect(found).toEqual(expect.arrayContaining([
    `naming ${contractFile}:${lineOf(root, "operationId: changeRun")}`,
    `operation-4xx-response ${contractFile}:${lineOf(root, "responses:")}`,
    `no-invalid-schema-examples ${contractFile}:${lineOf(root, "status: asleep")}`,
    `naming ${contractFile}:${lineOf(root, "runId:")}`,
    expect.stringMatching(new RegExp(`^(struct|spec).* ${contractFile}:${lineOf(root, "type: strin\n")}$`)),
  ]));
});

test("the contract of this repository has right names, is served as written, and its accepted breaks can be read", () => {
  const own = readOpenApi(readFileSync(join(ROOT, contractFile), "utf8"));
  expect([...lintNames(own, contractFile), ...lintServed(ROOT, own, contractFile), ...lintBreaks(ROOT, own, own).findings]).toEqual([]);
});

test.each<[string, string, (document: any) => void]>([ // eslint-disable-line typescript/no-explicit-any -- as above
  ["a path", "/Runs/{run_id}:", (d) => { d.paths["/Runs/{run_id}"] = d.paths["/runs/{run_id}"]; delete d.paths["/runs/{run_id}"]; }],
  ["a parameter of a query", "- name: pageSize", (d) => { d.paths["/runs/{run_id}"].post.parameters[1].name = "pageSize"; }],
  ["a header", "- name: lease_token", (d) => { Object.assign(d.paths["/runs/{run_id}"].post.parameters[1], { name: "lease_token", in: "header" }); }],
  ["a schema", "change_request:", (d) => { d.components.schemas.change_request = d.components.schemas.Change; delete d.components.schemas.Change; }],
  ["a field of a list's items", "startedAt:", (d) => { d.components.schemas.Run.properties.phases.items.properties.startedAt = {}; }],
])("%s that is not named as others are fails at its line", (_name, text, change) => {
  const document = stringify(changed(change));
  const line = document.split("\n").findIndex((each) => each.includes(text)) + 1;
  expect(lintNames(readOpenApi(document), contractFile).map(({ rule, line: at }) => `${rule}@${at}`)).toEqual([expect.stringMatching(new RegExp(`^naming@(${line}|${line + 1})$`))]);
});

test("an operation that no route serves and one that the contract does not have both fail, where they stand", async () => {
  const other = { "app/api/v1/runs/route.ts": 'export const { GET } = endpoint({\n\n  GET: route("list_runs", async () => reply(200, null)),\n});\n' };
  const root = treeOf(good, other);
  expect(await rules(root)).toEqual([`not-served ${contractFile}:${lineOf(root, "post:")}`, "not-written app/api/v1/runs/route.ts:3"]);
});

test("a text that is no YAML fails at its line", async () => {
  expect(await rules(aTree({ [contractFile]: "openapi: 3.1.1\npaths: [\n" }))).toEqual([expect.stringMatching(/^syntax contracts\/openapi.yaml:[23]$/)]);
});

describe("breaking changes", () => {
  const compare = (before: Good, after: Good) => {
    const [old, present] = [before, after].map((each) => readOpenApi(stringify(each))) as [ReturnType<typeof readOpenApi>, ReturnType<typeof readOpenApi>];
    return breakingChanges(old, present).map(({ rule, place }) => `${rule} | ${place}`);
  };
  const key = "POST /runs/{run_id}";
  const post = (document: { paths: JsonObject }) => document.paths["/runs/{run_id}"] as { post: JsonObject };

  const seeded: [string, string, (document: any) => void][] = [ // eslint-disable-line typescript/no-explicit-any -- as above
    ["operation-removed", key, (d) => { d.paths = {}; }],
    ["operation-renamed", `${key} operationId`, (d) => { post(d).post["operationId"] = "alter_run"; }],
    ["parameter-removed", `${key} query limit`, (d) => { d.paths["/runs/{run_id}"].post.parameters.pop(); }],
    ["parameter-required", `${key} query limit`, (d) => { d.paths["/runs/{run_id}"].post.parameters[1].required = true; }],
    ["parameter-required", `${key} query new_one`, (d) => { d.paths["/runs/{run_id}"].post.parameters.push({ name: "new_one", in: "query", required: true, schema: {} }); }],
    ["limit-tightened", `${key} query limit`, (d) => { d.paths["/runs/{run_id}"].post.parameters[1].schema.maximum = 100; }],
    ["body-required", `${key} body`, (d) => { d.paths["/runs/{run_id}"].post.requestBody.required = true; }],
    ["media-type-removed", `${key} body application/json`, (d) => { d.paths["/runs/{run_id}"].post.requestBody.content = { "text/plain": {} }; }],
    ["answer-removed", `${key} 200`, (d) => { delete d.paths["/runs/{run_id}"].post.responses["200"]; }],
    ["values-narrowed", `${key} body.status`, (d) => { d.components.schemas.Change.properties.status.enum = ["paused"]; }],
    ["limit-tightened", `${key} body.note`, (d) => { d.components.schemas.Change.properties.note.maxLength = 9; }],
    ["type-changed", `${key} body.count`, (d) => { d.components.schemas.Change.properties.count.type = "integer"; }],
    ["field-removed", `${key} body.note`, (d) => { delete d.components.schemas.Change.properties.note; }],
    ["field-required", `${key} body.note`, (d) => { d.components.schemas.Change.required.push("note"); }],
    ["field-required", `${key} body.reason`, (d) => { d.components.schemas.Change.properties.reason = {}; d.components.schemas.Change.required.push("reason"); }],
    ["field-removed", `${key} 200.run_id`, (d) => { delete d.components.schemas.Run.properties.run_id; }],
    ["field-optional", `${key} 200.run_id`, (d) => { d.components.schemas.Run.required = ["status"]; }],
    ["values-widened", `${key} 200.status`, (d) => { d.components.schemas.Run.properties.status.enum.push("lost"); }],
    ["type-changed", `${key} 200.run_id`, (d) => { d.components.schemas.Run.properties.run_id.type = "integer"; }],
    ["limit-tightened", `${key} body.note`, (d) => { d.components.schemas.Change.properties.note.minLength = 2; }],
    ["limit-tightened", `${key} body.note`, (d) => { d.components.schemas.Change.properties.note.pattern = "^a"; }],
    ["limit-tightened", `${key} body.note`, (d) => { d.components.schemas.Change.properties.note.format = "uuid"; }],
    ["fields-closed", `${key} body.labels`, (d) => { d.components.schemas.Change.properties.labels.additionalProperties = false; }],
    ["type-changed", `${key} body.labels.*`, (d) => { d.components.schemas.Change.properties.labels.additionalProperties.type = "string"; }],
    ["variant-removed", `${key} body.place`, (d) => { d.components.schemas.Change.properties.place.oneOf.pop(); }],
    ["variant-added", `${key} 200.place`, (d) => { d.components.schemas.Run.properties.place.oneOf.push({ type: "object" }); }],
    ["values-widened", `${key} 200.status`, (d) => { delete d.components.schemas.Run.properties.status.enum; }],
    ["media-type-removed", `${key} 200 application/json`, (d) => { d.paths["/runs/{run_id}"].post.responses["200"].content = { "text/plain": {} }; }],
    ["field-optional", `${key} 200.phases[].name`, (d) => { d.components.schemas.Run.properties.phases.items.required = []; }],
  ];
  test.each(seeded)("%s at %s", (rule, place, change) => {
    expect(compare(good, changed(change))).toContain(`${rule} | ${place}`);
  });

  test("no rule is without a seeded break", () => {
    const source = readFileSync(new URL("breaking-changes.ts", import.meta.url), "utf8");
    const rules = new Set([...source.matchAll(/\b(?:report|say)\("([a-z-]+)"|rule: "([a-z-]+)"/g)].map(([, called, pushed]) => called ?? pushed!));
    expect([...rules].toSorted()).toEqual([...new Set(seeded.map(([rule]) => rule))].toSorted());
  });

  test("what nobody can notice breaks nothing", () => {
    expect(compare(good, changed((d) => {
      d.paths["/more"] = structuredClone(d.paths["/runs/{run_id}"]);
      d.paths["/runs/{run_id}"].post.parameters.push({ name: "more", in: "query", schema: {} });
      d.paths["/runs/{run_id}"].post.responses["409"] = { description: "no" };
      delete d.paths["/runs/{run_id}"].post.responses["400"];
      d.paths["/runs/{run_id}"].post.parameters[1].schema.maximum = 500;
      d.components.schemas.Change.properties.more = {};
      d.components.schemas.Change.properties.status.enum.push("asleep");
      d.components.schemas.Change.required = [];
      d.components.schemas.Run.properties.more = {};
      d.components.schemas.Run.properties.status.enum = ["done"];
      d.components.schemas.Run.required.push("more");
    }))).toEqual([]);
    const own = readOpenApi(readFileSync(join(ROOT, contractFile), "utf8"));
    expect(breakingChanges(own, own)).toEqual([]);
  });

  test("against main: a break fails with its line, until it is accepted with a reason", async () => {
    const root = treeOf(good);
    commit(root);
    commit(root); // on main itself, the commit before is what counts
    write(root, { [contractFile]: stringify(changed((d) => { d.components.schemas.Run.required = ["status"]; })) });
    expect(await rules(root)).toEqual([`field-optional ${contractFile}:${lineOf(root, "schemas/Run\"")}`]);
    write(root, { "contracts/accepted_breaks.yml": `version: 1\naccepted:\n  - { rule: field-optional, place: "${key} 200.run_id", because: nobody has read it yet }\n` });
    expect(await rules(root)).toEqual([]);
    write(root, { "contracts/accepted_breaks.yml": `version: 1\naccepted:\n  - { rule: field-optional, place: ["${key} 200.status", "${key} 200.run_id"], because: nobody has read them yet }\n` });
    expect(await rules(root)).toEqual([]);
    write(root, { "contracts/accepted_breaks.yml": `version: 1\naccepted:\n  - { rule: field-optional, place: "${key} 200.run_id" }\n` });
    expect(await rules(root)).toContain("structure contracts/accepted_breaks.yml:3");
  });

  test("a base that is not here is a wrong call, not a pass", async () => {
    const root = treeOf(good);
    commit(root);
    await expect(rules(root, "no-such-branch")).rejects.toThrow(/no commit no-such-branch/);
  });
});
