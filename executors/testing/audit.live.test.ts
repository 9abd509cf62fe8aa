import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AuditEntry, AuditVerification } from "../../contracts/audit.ts";
import { request } from "../cli/connection.ts";
import { aQueue, aTenant, openLive, raw, until, type Live, type Tenant } from "./live.ts";
import { idleSpec } from "./specs.ts";

let live: Live;
let tenant: Tenant;
const requestId = "audit-live-1";
beforeAll(async () => {
  live = openLive();
  tenant = await aTenant(live);
  await request(tenant.api, "save_template", { body: { spec: { ...idleSpec(["only"], "formulas"), title: "=1+1" } } });
  for (let made = 0; made < 4; made++) await request(tenant.api, "create_run", { body: { spec: idleSpec(), queue: aQueue() }, headers: { "x-request-id": requestId } });
});
afterAll(() => live.close());

const list = async (query: Record<string, string | number> = {}) => request(tenant.api, "list_audit", { query });
const verify = () => request(tenant.api, "verify_audit", { query: {} });
const sealed = () => until("the seal of every entry", 30, async () => {
  const walk = await verify();
  return walk.unsealed === 0 && (walk.heads?.newest ?? null) !== null && walk;
});
/** The command as a person calls it: exit code and what it says. */
const cli = () => new Promise<{ code: number; walk: AuditVerification & { sound: boolean } }>((resolve) => {
  execFile(process.execPath, [path.join("dist", "cli.mjs"), "--json", "audit", "verify", "--url", tenant.api.url, "--token", tenant.api.token], { timeout: 30_000 }, (error, stdout) => resolve({ code: Number(error?.code ?? 0), walk: JSON.parse(stdout) }));
});

test("the list filters and pages, newest first; an entry names the request that made it", async () => {
  const all = (await list()).items;
  expect(all.map((entry) => entry.action)).toEqual([...Array.from({ length: 4 }, () => "run.created"), "template.saved"]);
  expect(all[0]).toMatchObject({ request_id: requestId, actor_type: "token", object_type: "run", organization_id: tenant.organization_id });
  const paged: AuditEntry[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: { items: AuditEntry[]; next_cursor: string | null } = await list({ limit: 2, ...(cursor === "" ? {} : { cursor }) });
    paged.push(...page.items);
    cursor = page.next_cursor;
  }
  expect(paged.map((entry) => entry.audit_id)).toEqual(all.map((entry) => entry.audit_id));
  const found = async (query: Record<string, string>) => (await list(query)).items.length;
  const [newest, oldest] = [all[0] as AuditEntry, all.at(-1) as AuditEntry];
  expect([
    await found({ action: "run" }), await found({ action: "run.created" }), await found({ action: "run.canceled" }), await found({ object_id: newest.object_id }), await found({ object_type: "job_template" }),
    await found({ actor: newest.actor_name ?? "" }), await found({ actor: newest.actor_id ?? "" }), await found({ actor: "nobody, \"really\"" }), await found({ environment_id: tenant.environment_id }),
    await found({ since: newest.created_at }), await found({ until: oldest.created_at }),
  ]).toEqual([4, 4, 0, 1, 1, 5, 5, 0, 4, 1, 0]);
});

test("the export has every entry, oldest first; in CSV no cell is a formula", async () => {
  const exported = (format: string) => raw(`${live.stack.api_url}/audit/export?format=${format}`, { headers: { authorization: `Bearer ${tenant.api.token}` } });
  const lines = (await exported("ndjson")).text.trimEnd().split("\n").map((line) => JSON.parse(line) as AuditEntry);
  expect(lines.map((entry) => entry.audit_id)).toEqual((await list()).items.map((entry) => entry.audit_id).toReversed());
  await live.sql("insert into ops.audit_log (organization_id, project_id, environment_id, actor_type, actor_name, action, object_type, object_id) values ($1, $2, $3, 'user', '=HYPERLINK(1)', 'test.written', 'test', '+1')", [tenant.organization_id, tenant.project_id, tenant.environment_id]);
  const csv = await exported("csv");
  expect(csv.headers.get("content-disposition")).toBe('attachment; filename="audit.csv"');
  expect(csv.text.split("\r\n")[0]).toMatch(/^audit_id,organization_id,/);
  expect(csv.text).toContain("'=HYPERLINK(1)");
  expect(csv.text).not.toMatch(/(^|,)[=+@]/m);
});

test("entries are sealed within seconds, and the chain's tip is signed and stored outside the database", async () => {
  const walk = await sealed();
  expect(walk).toMatchObject({ complete: true, broken: null, heads: { broken: null, newest: { number: 1 } } });
  expect(await cli()).toMatchObject({ code: 0, walk: { sound: true, broken: null } });
});

test("an altered entry, a cut-off end and a forged head each end the verification with 1", async () => {
  const { heads } = await sealed();
  const folder = path.join(live.stack.data_dir, "storage", "audit", tenant.organization_id);
  const head = JSON.parse(readFileSync(path.join(folder, readdirSync(folder)[0] ?? ""), "utf8"));
  expect(head).toMatchObject({ number: 1, seq: heads?.newest?.seq });
  const owner = async (sql: string, values: unknown[]) => {
    await live.sql("alter table ops.audit_log disable trigger user");
    await live.sql("alter table ops.audit_chain disable trigger user");
    try {
      return await live.sql(sql, values);
    } finally {
      await live.sql("alter table ops.audit_chain enable trigger user");
      await live.sql("alter table ops.audit_log enable trigger user");
    }
  };
  const [{ audit_id } = { audit_id: "" }] = await live.sql<{ audit_id: string }>("select audit_id from ops.audit_chain where organization_id = $1 and seq = 2", [tenant.organization_id]);
  await owner("update ops.audit_log set actor_name = 'nobody' where audit_id = $1", [audit_id]);
  expect(await cli()).toMatchObject({ code: 1, walk: { broken: { seq: "2", audit_id, reason: "entry_changed" } } });
  // The end cut off, entries and links alike: what is left fits, and only the head outside remembers.
  await owner("with gone as (delete from ops.audit_chain where organization_id = $1 and seq >= 2 returning audit_id) delete from ops.audit_log where audit_id in (select audit_id from gone)", [tenant.organization_id]);
  expect(await cli()).toMatchObject({ code: 1, walk: { broken: null, heads: { broken: { number: 1, seq: head.seq, reason: "chain_cut" } } } });
}, 60_000);
