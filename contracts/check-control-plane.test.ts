import { expect, test } from "vitest";
import { stringify } from "yaml";
import { checkControlPlane } from "./check-control-plane.ts";
import { checkSpec } from "./check-spec.ts";
import type { Routing } from "./routing.ts";
import { webhookEvents } from "./words.ts";

const { spec_text, sha256 } = checkSpec({ version: 1, name: "land", phases: [{ name: "only", type: "query", config: { sql: "select 1" } }] });
const good = {
  version: 1,
  templates: [{ template_key: "land", spec_sha256: sha256, spec: JSON.parse(spec_text!) as Record<string, unknown> }],
  executors: [{ name: "Worker 1", environments: ["dev"] }],
  caps: [{ scope: "project", environment: null, cap_key: "odoo", unit: "rows", period: "day", limit_amount: "10" }],
  schedules: [{ environment: "dev", name: "Nightly", template_key: "land", cron: "0 2 * * *" }],
  routing: {
    channels: { hook: { kind: "webhook", title: "The webhook" } },
    areas: { data: { title: "Data", primary: "data-owners", secondary: "app-owners", surface: "migrations", paths: ["*"] } },
    signals: Object.fromEntries([...webhookEvents].map((name) => [name, { title: "A signal", severity: "warning", source: "the webhook" }])),
    rules: [{ name: "gold", when: { layer: ["gold"] }, area: "data", channel: "hook" }, { name: "all_else", when: {}, area: "data", channel: "hook" }],
  },
};
type Good = Record<"templates" | "executors" | "caps" | "schedules", Record<string, unknown>[]> & { routing: Routing };

test("a right document passes as a value, as YAML and as JSON, with its defaults filled in", () => {
  const value = checkControlPlane(good);
  expect(value.errors).toEqual([]);
  expect(value.document?.schedules?.[0]).toMatchObject({ overlap: "skip", queue: "default", paused: false, pinned_spec_sha256: null });
  expect(checkControlPlane(stringify(good))).toEqual(value);
  expect(checkControlPlane(JSON.stringify(good, null, 2))).toEqual(value);
  expect(checkControlPlane({ version: 1 }).errors).toEqual([]);
});

test.each<[string, string, (document: Good) => void]>([
  ["unknown_field", "/caps/0/colour", (d) => { d.caps[0]!["colour"] = "red"; }],
  ["invalid_value", "/caps/0/unit", (d) => { d.caps[0]!["unit"] = "hats"; }],
  ["invalid_format", "/caps/0/limit_amount", (d) => { d.caps[0]!["limit_amount"] = "-1"; }],
  ["scope_differs", "/caps/0/environment", (d) => { d.caps[0]!["scope"] = "environment"; }],
  ["duplicate", "/caps/1", (d) => { d.caps.push({ ...d.caps[0], limit_amount: "11" }); }],
  ["duplicate", "/executors/1", (d) => { d.executors.push({ ...d.executors[0] }); }],
  ["not_draining", "/executors/0/drain_comment", (d) => { d.executors[0]!["drain_comment"] = "why"; }],
  ["invalid_cron", "/schedules/0/cron", (d) => { d.schedules[0]!["cron"] = "every day at two"; }],
  ["unknown_time_zone", "/schedules/0/time_zone", (d) => { d.schedules[0]!["time_zone"] = "Mars/Olympus"; }],
  ["unknown_template", "/schedules/0/template_key", (d) => { d.schedules[0]!["template_key"] = "gone"; }],
  ["ends_before_start", "/schedules/0/end_at", (d) => { Object.assign(d.schedules[0]!, { start_at: "2026-02-01T00:00:00Z", end_at: "2026-01-01T00:00:00Z" }); }],
  ["duplicate", "/schedules/1", (d) => { d.schedules.push({ ...d.schedules[0] }); }],
  ["hash_differs", "/templates/0/spec_sha256", (d) => { d.templates[0]!["spec_sha256"] = "0".repeat(64); }],
  ["name_differs", "/templates/0/template_key", (d) => { d.templates[0]!["template_key"] = "other"; d.schedules = []; }],
  ["invalid_value", "/routing/channels/hook/kind", (d) => { Object.assign(d.routing.channels["hook"]!, { kind: "pigeon" }); }],
  ["no_fallback", "/routing/areas/data/secondary", (d) => { d.routing.areas["data"]!.secondary = "data-owners"; }],
  ["missing_signal", "/routing/signals", (d) => { delete d.routing.signals["executor.online"]; }],
  ["unknown_area", "/routing/rules/0/area", (d) => { d.routing.rules[0]!.area = "constructor"; }],
  ["unknown_channel", "/routing/rules/0/channel", (d) => { d.routing.rules[0]!.channel = "pigeon"; }],
  ["unknown_signal", "/routing/rules/0/when/signal/0", (d) => { d.routing.rules[0]!.when = { signal: ["run.lost", "run.failed"] }; }],
  ["unreachable_rule", "/routing/rules/0", (d) => { d.routing.rules[0]!.when = { signal: ["run.lost"] }; }],
  ["shadowed_rule", "/routing/rules/1", (d) => { d.routing.rules.reverse(); }],
  ["duplicate_rule", "/routing/rules/1/name", (d) => { d.routing.rules[1]!.name = "gold"; }],
  ["unrouted_signal", "/routing/signals/run.failed", (d) => { d.routing.rules[1]!.when = { signal: ["executor.online", "executor.offline"] }; }],
  ["too_many_environments", "/routing/rules", (d) => { d.routing.rules = Array.from({ length: 3 }, (_, index) => ({ ...d.routing.rules[0]!, name: `rule_${index}`, when: { environment: Array.from({ length: 10 }, (_, at) => `e-${index}-${at}`) } })); }],
  ["unknown_phase_type", "/templates/0/spec", (d) => { (d.templates[0]!["spec"] as { phases: { type: string }[] }).phases[0]!.type = "bake"; }],
])("%s at %s is found, with its line", (code, path, change) => {
  const document = structuredClone(good) as unknown as Good;
  change(document);
  expect(checkControlPlane(document).errors).toContainEqual(expect.objectContaining({ code, path }));
  const text = JSON.stringify(document, null, 2);
  const found = checkControlPlane(text).errors.find((error) => error.code === code && error.path === path);
  const last = path.split("/").at(-1)!;
  const line = text.split("\n")[(found?.line ?? 0) - 1];
  const item = path.split("/").slice(1).reduce((value: unknown, key) => (value as Record<string, unknown> | undefined)?.[key], document);
  expect(line, JSON.stringify(found)).toContain(!/^\d+$/.test(last) ? `"${last}"` : typeof item === "string" ? `"${item}"` : "{");
});

test("a routing matrix alone is a document with that section, and its mistakes have the lines and paths of its own text", () => {
  const alone = { version: 1, ...good.routing };
  expect(checkControlPlane(stringify(alone))).toEqual(checkControlPlane({ version: 1, routing: good.routing }));
  const text = JSON.stringify({ ...alone, rules: alone.rules.toReversed() }, null, 2);
  const [found] = checkControlPlane(text).errors;
  expect(found).toMatchObject({ code: "shadowed_rule", path: "/rules/1" });
  expect(text.split("\n")[found!.line!]).toContain('"gold"');
  expect(checkControlPlane({ ...alone, colour: "red" }).errors).toMatchObject([{ code: "unknown_field", path: "/colour" }]);
});

test("a text that is no JSON is refused with its line", () => {
  expect(checkControlPlane('{\n  "version": 1,\n  "caps": [\n').errors[0]).toMatchObject({ line: expect.any(Number) });
});
