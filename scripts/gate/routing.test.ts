import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { RoutingMatrix } from "../../contracts/routing.ts";
import { webhookEvents } from "../../contracts/words.ts";
import { codeowners } from "./codeowners.ts";
import { runGates } from "./main.ts";
import { exportedRouting, lintRouting, routingGate } from "./routing.ts";
import { codeownersFile, ownersFile, routingFile, type Owners } from "./routing-format.ts";
import { aTree, ROOT, write } from "./testing.ts";

const matrix: RoutingMatrix = {
  version: 1,
  channels: { hook: { kind: "webhook", title: "The webhook" } },
  areas: {
    data: { title: "Data", primary: "data-owners", secondary: "app-owners", surface: "migrations", paths: ["*", "/db/"] },
    app: { title: "App", primary: "app-owners", secondary: "data-owners", surface: "the CI", paths: ["/app.ts"] },
  },
  signals: Object.fromEntries([...webhookEvents].map((name) => [name, { title: "A signal", severity: "warning" as const, source: "the webhook" }])),
  rules: [
    { name: "gold", when: { signal: ["run.failed"], layer: ["gold"] }, area: "app", channel: "hook" },
    { name: "all_else", when: {}, area: "data", channel: "hook" },
  ],
};
const owners: Owners = { version: 1, owners: { "data-owners": { title: "Data", accounts: ["@acme/data"] }, "app-owners": { title: "App", accounts: [] } } };
function tree(change: (matrix: RoutingMatrix, owners: Owners) => void = () => undefined): string {
  const [its, who] = [structuredClone(matrix), structuredClone(owners)];
  change(its, who);
  return aTree({ [routingFile]: stringify(its), [ownersFile]: stringify(who), "db/a.sql": "", "app.ts": "" });
}
const lineOf = (root: string, file: string, text: string) => readFileSync(join(root, file), "utf8").split("\n").findIndex((line) => line.includes(text)) + 1;
const found = (root: string, release = false) => lintRouting(root, { release }).map(({ rule, file, line }) => `${rule} ${file}:${line}`);

test("the matrix of this repository passes, and has the areas, primaries and secondaries that its owner named", () => {
  expect(lintRouting(ROOT)).toEqual([]);
  const { areas } = parse(readFileSync(join(ROOT, routingFile), "utf8")) as RoutingMatrix;
  expect(Object.fromEntries(Object.entries(areas).map(([name, { primary, secondary }]) => [name, `${primary} ${secondary}`]))).toEqual({
    spec: "spec-owners platform-owners", database: "data-owners security-owners", executors: "platform-owners data-owners", pipelines: "data-owners platform-owners",
    bi: "product-owners data-owners", odoo: "data-owners platform-owners", security: "security-owners platform-owners",
  });
});

test("a good matrix passes", () => {
  expect(found(tree())).toEqual([]);
});

describe("a bad matrix fails with its rule and its line", () => {
  test.each<[string, string, string, (matrix: RoutingMatrix, owners: Owners) => void]>([
    ["unknown-owner", routingFile, "primary: ghosts", (its) => { its.areas["app"]!.primary = "ghosts"; }],
    ["no-fallback", routingFile, "secondary: app-owners", (its) => { its.areas["data"]!.primary = "app-owners"; its.areas["app"]!.secondary = "data-owners"; }],
    ["unknown-area", routingFile, "area: nowhere", (its) => { its.rules[0]!.area = "nowhere"; }],
    ["unknown-channel", routingFile, "channel: pigeon", (its) => { its.rules[0]!.channel = "pigeon"; }],
    ["unknown-signal", routingFile, "- run.lost", (its) => { its.rules[0]!.when.signal!.push("run.lost"); }],
    ["unreachable-rule", routingFile, "- name: gold", (its) => { its.rules[0]!.when.signal = ["run.lost"]; }],
    ["shadowed-rule", routingFile, "- name: late", (its) => { its.rules.push({ name: "late", when: { environment: ["prod"] }, area: "app", channel: "hook" }); }],
    ["duplicate-rule", routingFile, "name: gold", (its) => { its.rules[1]!.name = "gold"; }],
    ["unrouted-signal", routingFile, "executor.offline:", (its) => { its.rules[1]!.when = { signal: ["run.failed", "executor.online"] }; }],
    ["missing-signal", routingFile, "run.failed:", (its) => { delete its.signals["executor.online"]; }],
    ["path-fits-nothing", routingFile, "- /gone/", (its) => { its.areas["app"]!.paths.push("/gone/"); }],
    ["path-claimed-twice", routingFile, "- /db/", (its) => { its.areas["app"]!.paths = ["/db/"]; its.areas["data"]!.paths = ["*", "/db/"]; }],
    ["file-without-owner", routingFile, "data:", (its) => { its.areas["data"]!.paths = ["/db/"]; }],
    ["structure", routingFile, "colour: red", (its) => { Object.assign(its.areas["app"]!, { colour: "red" }); }],
    ["structure", routingFile, "kind: pigeon", (its) => { Object.assign(its.channels["hook"]!, { kind: "pigeon" }); }],
    ["structure", ownersFile, "- nobody", (_, who) => { who.owners["data-owners"]!.accounts = ["nobody"]; }],
    ["unused-owner", ownersFile, "idle-owners:", (_, who) => { who.owners["idle-owners"] = { title: "Idle", accounts: [] }; }],
  ])("%s in %s at %s", (rule, file, text, change) => {
    const root = tree(change);
    const lines = readFileSync(join(root, file), "utf8").split("\n").flatMap((line, index) => (line.includes(text) ? [`${rule} ${file}:${index + 1}`] : []));
    expect(found(root).filter((each) => lines.includes(each)), found(root).join("\n")).not.toEqual([]);
  });

  test("a rule whose every case others take together is shadowed, and both are named", () => {
    const root = tree((its) => {
      its.rules.splice(1, 0, { name: "failed", when: { signal: ["run.failed"] }, area: "app", channel: "hook" }, { name: "gold_in_prod", when: { signal: ["run.failed"], layer: ["gold", "silver"] }, area: "data", channel: "hook" });
    });
    expect(lintRouting(root).map(({ rule, message }) => `${rule}: ${message}`)).toEqual([expect.stringMatching(/^shadowed-rule: gold_in_prod .*(gold and failed|failed and gold)/)]);
  });
});

test("a name that nobody stands behind stops a release, and nothing else", () => {
  const root = tree();
  expect(found(root, true)).toEqual([`unmapped-alias ${ownersFile}:${lineOf(root, ownersFile, "app-owners:")}`]);
  expect(found(tree((_, who) => { who.owners["app-owners"]!.accounts = ["@ana"]; }), true)).toEqual([]);
});

test("a release is refused at the line of each name that nobody stands behind, and taken once the owner has filled them all in", async () => {
  const release = async (root: string) => {
    write(root, { [codeownersFile]: codeowners(root) });
    let out = "";
    const code = await runGates(root, ["routing", "--release"], (text) => { out += text; }, () => undefined);
    return { code, out };
  };
  const open = tree((_, who) => { who.owners["data-owners"]!.accounts = []; });
  const refused = await release(open);
  expect(refused.code).toBe(1);
  for (const alias of ["data-owners", "app-owners"]) expect(refused.out).toContain(`${ownersFile}:${lineOf(open, ownersFile, `${alias}:`)}: nobody stands behind ${alias}: name a user or a team [routing/unmapped-alias]`);
  expect(await release(tree((_, who) => { who.owners["app-owners"]!.accounts = ["@ana", "@acme/app"]; }))).toMatchObject({ code: 0 });
});

test("whoever asks about a signal is told the rule that takes it and who answers", async () => {
  const ask = async (...args: string[]) => {
    let out = "";
    const code = await runGates(tree(), ["routing", "--signal", ...args], (text) => { out += text; }, () => undefined);
    return { code, out };
  };
  expect(await ask("run.failed", "--layer", "gold")).toEqual({ code: 0, out: "gold: app-owners act, else data-owners (area app, warning, by hook)\n" });
  expect((await ask("run.failed", "--environment", "prod")).out).toContain("all_else: data-owners act");
  expect(JSON.parse((await ask("run.failed", "--json")).out)).toMatchObject({ gates: { routing: { data: { rule: "all_else", primary: "data-owners" } } } });
  expect(await ask("run.lost")).toEqual({ code: 2, out: "" });
  expect(await ask("run.failed", "--layer", "tin")).toEqual({ code: 2, out: "" });
});

test("CODEOWNERS that are not what matrix and owners say fail at the first line that differs", async () => {
  const root = tree();
  write(root, { [codeownersFile]: codeowners(root).replace("/db/ @acme/data", "/db/ @somebody") });
  const { findings } = await routingGate.run(root, {});
  expect(findings).toEqual([expect.objectContaining({ rule: "drift", file: codeownersFile, line: 3 })]);
});

test("CODEOWNERS names accounts, most particular path last", () => {
  expect(codeowners(tree()).split("\n").slice(1)).toEqual(["* @acme/data @app-owners", "/db/ @acme/data @app-owners", "/app.ts @app-owners @acme/data", ""]);
});

test("the export has the same bytes whatever the order of keys, line ends and Unicode forms of the file", () => {
  const reversed = (value: unknown): unknown => (Array.isArray(value) ? value.map(reversed) : value !== null && typeof value === "object" ? Object.fromEntries(Object.entries(value).reverse().map(([key, item]) => [key, reversed(item)])) : value);
  const titled = structuredClone(matrix);
  titled.areas["app"]!.title = "Caf\u00e9";
  const other = structuredClone(titled);
  other.areas["app"]!.title = "Cafe\u0301";
  const files = { "db/a.sql": "", "app.ts": "" };
  const one = aTree({ ...files, [routingFile]: stringify(titled), [ownersFile]: stringify(owners) });
  const two = aTree({ ...files, [routingFile]: stringify(reversed(other)).replaceAll("\n", "\r\n"), [ownersFile]: stringify(reversed(owners)) });
  expect(exportedRouting(two)).toBe(exportedRouting(one));
});
