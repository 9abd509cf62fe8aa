import { expect, test } from "vitest";
import { stringify } from "yaml";
import { contractFile } from "./contract.ts";
import { differenceTable, summaryOf } from "./summary.ts";
import { aTree, commit, gitIn, write } from "./testing.ts";

const contract = (paths: object) => stringify({ openapi: "3.1.1", info: {}, paths });
const operation = (operationId: string) => ({ get: { operationId, responses: { "200": { description: "Done" } } } });

function aBranch() {
  const root = aTree({
    [contractFile]: contract({ "/a": operation("get_a"), "/b": operation("get_b") }),
    "supabase/migrations/20260101000000_first.sql": "select 1;\n",
    "config/routing_matrix.yml": stringify({ version: 1, rules: [{ name: "one", area: "data" }, { name: "two", area: "app" }] }),
    "config/owners.yml": "version: 1\n",
    "spec/backlog.yaml": stringify({ version: 1, features: [{ id: "LH-001", state: "open" }] }),
    "pipelines/land.yml": "name: land\nphases: [{ name: a }]\n",
    "config/exports/acme.json": JSON.stringify({ caps: [{ scope: "project", environment: null, cap_key: "odoo", unit: "rows", period: "day", limit_amount: "10" }], schedules: [{ environment: "dev", name: "nightly", cron: "0 1 * * *" }], alert_rules: [{ environment: "dev", name: "slow" }, { environment: "dev", name: "fails", for_minutes: 0 }] }),
  });
  commit(root);
  gitIn(root, "switch", "--quiet", "-c", "branch");
  return { root, base: gitIn(root, "rev-parse", "main").trim() };
}

test("a branch that changes nothing has a summary that says so", () => {
  const { root, base } = aBranch();
  expect(summaryOf(root, base)).toContain("nothing that the gates look at");
});

test("every kind of difference has its section, and moved items are none, unless their order decides", () => {
  const { root, base } = aBranch();
  write(root, {
    [contractFile]: contract({ "/a": operation("get_a"), "/c": operation("get_c") }),
    "supabase/migrations/20260202000000_second.sql": "select 2;\n",
    "config/routing_matrix.yml": stringify({ rules: [{ name: "two", area: "app" }, { name: "one", area: "bi" }], version: 1 }),
    "spec/backlog.yaml": stringify({ version: 1, features: [{ id: "LH-001", state: "done" }] }),
    "pipelines/more.yml": "name: more\n",
    "config/exports/acme.json": JSON.stringify({ schedules: [{ name: "nightly", environment: "dev", cron: "0 2 * * *" }], caps: [{ scope: "project", environment: null, cap_key: "odoo", unit: "rows", period: "day", limit_amount: "20" }], alert_rules: [{ environment: "dev", name: "fails", for_minutes: 5 }, { environment: "dev", name: "slow" }] }),
  });
  const text = summaryOf(root, base);
  expect(text).toContain("contract 3, migrations 1, routing 2, caps 1, backlog 1, pipelines 1, exports 2.");
  for (const line of [
    "- **breaking** GET /b is gone", "- added GET /c", "- supabase/migrations/20260202000000&#95;second.sql", "| changed | /matrix/rules/name=one/area | data | bi |",
    "| changed | /matrix/rules | [\"name=one\",\"name=two\"] | [\"name=two\",\"name=one\"] |".replaceAll("[", "&#91;").replaceAll("]", "&#93;"),
    "| changed | /backlog/features/id=LH-001/state | open | done |", "| added | /more.yml |  | {\"name\":\"more\"} |",
    "| changed | /acme.json/caps/scope=project,environment=null,cap&#95;key=odoo,unit=rows,period=day/limit&#95;amount | 10 | 20 |", "| changed | /acme.json/schedules/environment=dev,name=nightly/cron | 0 1 &#42; &#42; &#42; | 0 2 &#42; &#42; &#42; |", "| changed | /acme.json/alert&#95;rules/environment=dev,name=fails/for&#95;minutes | 0 | 5 |",
  ]) expect(text).toContain(line);
});

test("what somebody wrote into a file stays text: no markup, no mention, no new line", () => {
  const table = differenceTable([{ path: "/a", kind: "added", after: "<img src=x>|@everyone [a](b) `c`\n\n# big ![x](y)" }]);
  expect(table.split("\n")).toHaveLength(3);
  const row = table.split("\n")[2]!;
  for (const mark of ["<", "@", "[", "`", "\n"]) expect(row).not.toContain(mark);
  expect(row.match(/\|/g)).toHaveLength(5);
});

test("a difference of any size fits into a comment", () => {
  const many = Array.from({ length: 5000 }, (_, index) => ({ path: `/${index}`, kind: "added" as const, after: "x".repeat(5000) }));
  const table = differenceTable(many);
  expect(table.length).toBeLessThan(20_000);
  expect(table).toContain("… and 4960 more.");
});
