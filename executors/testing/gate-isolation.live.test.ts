import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operations, type Operation } from "../../contracts/http.ts";
import { newPrivateKey, publicPart } from "../../contracts/sealing.ts";
import { operationUrl, request } from "../cli/connection.ts";
import { nobody } from "./contract-calls.ts";
import { idleSpec } from "./specs.ts";
import { anExecutor, aTenant, ended, openLive, raw, type Live, type Tenant, type TestExecutor } from "./live.ts";
import { signIn, aUser, type Session } from "./session.ts";

interface Side extends Tenant {
  organization: string;
  user: Session;
  executor: TestExecutor;
  run_id: string;
  artifact_id: string;
  dataset_id: string;
  connection_id: string;
  marker: string;
}
let live: Live;
let a: Side;
let b: Side;

// Two projects of one organization: the narrowest wall between two teams.
beforeAll(async () => {
  live = openLive();
  const first = await aTenant(live);
  a = await furnish(first);
  b = await furnish(await aTenant(live, { organization_id: first.organization_id }));
}, 120_000);
afterAll(() => live.close());

/** A member, an executor, and one of everything that a project holds, each with the side's marker in it. */
async function furnish(tenant: Tenant): Promise<Side> {
  const marker = `mark${randomBytes(8).toString("hex")}`;
  const user = await aUser(live, `${marker}@example.test`);
  await live.sql("insert into ops.memberships (user_id, organization_id, project_id, role) values ($1, $2, $3, 'owner')", [user.user_id, tenant.organization_id, tenant.project_id]);
  const executor = await anExecutor(live, tenant);
  await request(tenant.api, "save_template", { body: { spec: { ...idleSpec(["only"], marker), title: marker } } });
  const run = await request(tenant.api, "create_run", { body: { template_key: marker, labels: [marker] } });
  const { items } = await executor.plane.claim({ run_id: run.run_id, labels: [marker] });
  const lease = { run_id: run.run_id, lease_token: items[0]?.lease_token ?? "" };
  await executor.plane.start(lease);
  await executor.plane.setPhase(lease, "only", { status: "running" });
  const sha256 = createHash("sha256").update(marker).digest("hex");
  const bytes = Buffer.from(marker);
  await executor.plane.uploadObject({ sha256, byte_size: bytes.length, environment_id: tenant.environment_id, open: () => bytes });
  const artifact = await executor.plane.registerArtifact(lease, { phase: "only", name: `${marker}.txt`, kind: "report", content_type: "text/plain", byte_size: bytes.length, sha256 });
  await executor.plane.beginPublish(lease, { phase: "only", datasets: [`gold.${marker}`] });
  const { dataset_id } = await executor.plane.publishDataset(lease, {
    phase: "only", name: `gold.${marker}`, layer: "gold", table_version: 0, format: "delta", location: `${tenant.environment_id}/gold/${marker}`,
    content_sha256: sha256, row_count: 1, byte_size: bytes.length, columns: [{ name: marker, type: "string" }],
  });
  await executor.plane.setPhase(lease, "only", { status: "succeeded", metrics: { marker } });
  await executor.plane.complete(lease, { marker });
  await ended(tenant.api, run.run_id);
  const key = await newPrivateKey();
  await request(tenant.api, "add_environment_key", { body: { public_key: publicPart(key) } });
  await request(tenant.api, "put_secret", { params: { name: `s_${marker}` }, body: { value: `value ${marker}` } });
  const connection = await request(tenant.api, "create_connection", { body: { name: `c_${marker}`, kind: "postgres", settings: { host: `${marker}.example.test`, database: "d", user: "u" }, secret_name: `s_${marker}` } });
  const [organization] = await live.sql<{ slug: string }>("select slug from ops.organizations where organization_id = $1", [tenant.organization_id]);
  return { ...tenant, organization: organization?.slug ?? "", connection_id: connection.connection_id, user: await signIn(live, user), executor, run_id: run.run_id, artifact_id: artifact.artifact_id, dataset_id, marker };
}

/** What must never be seen from the other side. */
function secretsOf(side: Side): string[] {
  return [side.marker, side.run_id, side.artifact_id, side.project_id, side.environment_id, side.connection_id, side.project, side.executor.executor_id];
}
function leaks(text: string, side: Side): string[] {
  return secretsOf(side).filter((secret) => text.includes(secret));
}

/** The addresses of all pages, from the tree of routes. Those outside of an environment are named here: a new one without a line fails. */
const outside: Record<string, "redirects" | "for everybody"> = { "/": "redirects", "/[...path]": "redirects", "/o": "redirects", "/account": "for everybody", "/sign-in": "for everybody", "/sign-up": "for everybody", "/forgot-password": "for everybody", "/auth/mailed": "redirects", "/reset-password": "for everybody", "/invitations/[token]": "for everybody" };
const pages = readdirSync("app", { recursive: true, encoding: "utf8" }).filter((file) => path.basename(file) === "page.tsx").map((file) => `/${path.dirname(file)}`.replaceAll(/\/\([^)]+\)/g, "").replace(/^\/\.$/, "") || "/");
const inEnvironment = "/o/[organization]/[project]/[environment]";
const parameters = (side: Side): Record<string, string> => ({ organization: side.organization, project: side.project, environment: "dev", run_id: side.run_id, template_key: side.marker, name: `gold.${side.marker}` });
const addressOf = (page: string, side: Side) => `${page.replaceAll(/\[(\w+)\]/g, (_, name: string) => parameters(side)[name] ?? nobody)}${page.endsWith("/compare") ? `?a=${side.run_id}&b=${side.run_id}` : ""}`;

test("gate 6, page: every page shows a member its own, and strangers and members of another project nothing of it", async () => {
  expect(pages.filter((page) => !page.startsWith(inEnvironment)).toSorted()).toEqual(Object.keys(outside).toSorted());
  const viewer = await aUser(live, `viewer-${a.marker}@example.test`);
  await live.sql("insert into ops.memberships (user_id, organization_id, project_id, role) values ($1, $2, $3, 'viewer')", [viewer.user_id, a.organization_id, a.project_id]);
  const viewers: Record<string, Record<string, string>> = { owner: { cookie: a.user.cookie }, viewer: { cookie: (await signIn(live, viewer)).cookie } };
  const strangers: Record<string, Record<string, string>> = { nobody: {}, "an API token": { authorization: `Bearer ${b.api.token}` }, "an executor": { authorization: `Bearer ${b.executor.token}` } };
  const show = (address: string, headers: Record<string, string>) => raw(`${live.stack.app_url}${address}`, { headers });
  for (const page of pages.filter((each) => each.startsWith(inEnvironment))) {
    const [own, other] = [addressOf(page, a), addressOf(page, b)];
    for (const [who, headers] of Object.entries(viewers)) {
      const seen = await show(own, headers);
      expect(page === inEnvironment ? [200, 307] : [200], `${who} ${own}`).toContain(seen.status);
      expect(leaks(seen.text, b), `${who} ${own}`).toEqual([]);
      // The address itself may come back in the page; nothing else of the other project may.
      expect(leaks((await show(other, headers)).text, b).filter((secret) => !other.includes(secret)), `${who} ${other}`).toEqual([]);
    }
    for (const [who, headers] of Object.entries(strangers)) expect((await show(own, headers)).status, `${who} ${own} is sent to the sign-in page`).toBe(303);
  }
  const listed = await show(`${addressOf(inEnvironment, a)}/runs`, viewers["viewer"] ?? {});
  expect(listed.text.includes(a.marker), "it sees its own").toBe(true);
  for (const short of ["/", "/o", `/runs/${b.run_id}`, `/runs?env=${b.environment_id}`, `/runs?environment_id=${b.environment_id}`, `/runs?template_key=${b.marker}`]) {
    const seen = await raw(`${live.stack.app_url}${short}`, { headers: { cookie: a.user.cookie }, redirect: "follow" });
    expect(leaks(seen.text, b).filter((secret) => !short.includes(secret)), short).toEqual([]);
  }
}, 120_000);

test("gate 6, API: no operation answers about another project, whoever of this one asks", async () => {
  const callers: Record<string, Record<string, string>> = {
    token: { authorization: `Bearer ${a.api.token}` },
    session: { cookie: a.user.cookie, origin: live.stack.app_url },
    "bearer of the session": { authorization: `Bearer ${a.user.access_token}` },
    executor: { authorization: `Bearer ${a.executor.token}` },
  };
  const params = { run_id: b.run_id, other_run_id: a.run_id, artifact_id: b.artifact_id, dataset_id: b.dataset_id, template_key: b.marker, version: "1", name: "only", sha256: createHash("sha256").update(b.marker).digest("hex"),
    executor_id: b.executor.executor_id, executor_token_id: nobody, bulk_id: nobody, delivery_id: nobody, cap_id: nobody, alert_rule_id: nobody, notification_id: nobody, schedule_id: nobody, backfill_id: nobody, connection_id: b.connection_id, kid: "A".repeat(43), membership_id: nobody, invitation_id: nobody, api_token_id: nobody, session_id: nobody };
  const there = { project: b.project, environment: "dev" };
  const range = { ...there, template_key: b.marker, unit: "day", range_start: "2026-01-01T00:00:00Z", range_end: "2026-01-03T00:00:00Z" };
  const reading = { host: "db.example.test", database: "d", user: "u" };
  const told = { eventTime: new Date().toISOString(), producer: "urn:spy", schemaURL: "urn:spy", job: { namespace: "n", name: "spy" }, inputs: [{ namespace: "n", name: "spy" }] };
  const lease = { "lease-token": "00000000-0000-4000-8000-000000000000" };
  const bodies: Partial<Record<keyof typeof operations, unknown>> = {
    create_run: { template_key: b.marker, project: b.project, environment: "dev" }, save_template: { spec: idleSpec(["only"], b.marker), project: b.project },
    create_children: { phase: "only", spec: idleSpec(["only"], b.marker), children: [{ key: "a", parameters: {} }] },
    set_phase: { status: "running" }, append_events: { events: [{ event_id: crypto.randomUUID(), type: "NOTE", message: "x" }] }, pin_inputs: { datasets: [`gold.${b.marker}`] },
    register_artifact: { name: "x.txt", kind: "report", content_type: "text/plain", byte_size: 1, sha256: params.sha256 },
    begin_publish: { phase: "only", datasets: [`gold.${b.marker}`] }, record_quality: { phase: "only", results: [] },
    publish_dataset: { phase: "only", name: `gold.${b.marker}`, layer: "gold", table_version: 9, format: "delta", location: "x", content_sha256: params.sha256, row_count: 1, byte_size: 1, columns: [] },
    create_runs: { runs: [{ ...there, template_key: b.marker }] }, report_runs: { reports: [{ run_id: b.run_id, lease_token: nobody, writes: [{ type: "start" }] }] },
    create_bulk: { filter: { environment_id: b.environment_id }, verb: "cancel" }, append_logs: { chunks: [{ chunk_id: crypto.randomUUID(), phase: "only", stream: "stdout", text: "x\n" }] }, put_signals: { signals: { rows: 1 } },
    create_executor: { name: "spy", environments: ["dev"], project: b.project }, create_executor_token: { expires_in_days: 1 }, put_signal_weights: { weights: { duration_ratio: 1 } }, put_webhook: { url: "https://example.org/hook" },
    plan_control_plane: { document: { version: 1 } }, apply_control_plane: { document: { version: 1 }, state_sha256: params.sha256, after_sha256: params.sha256 },
    delete_scope: { kind: "environment", id: b.environment_id, typed_name: "dev" },
    create_cap: { ...there, cap_key: "spy", unit: "runs", period: "day", limit_amount: "1" }, cap_allow: { ...there, cap_key: "spy" },
    create_schedule: { ...there, name: "spy", template_key: b.marker, cron: "0 0 1 1 *" }, preview_times: { cron: "0 0 1 1 *" }, create_backfill: range, preview_backfill: range, update_schedule: { name: "spy" }, change_cap: { enabled: false }, update_executor: { name: "spy" },
    invite_member: { organization_id: b.organization_id, project_id: b.project_id, email: "spy@example.test", role: "viewer" }, accept_invitation: { token: "lci_unknown" }, change_member: { role: "viewer" },
    create_api_token: { project_id: b.project_id, name: "spy", role: "viewer" }, create_organization: { slug: "spy", name: "Spy", project_slug: "spy", project_name: "Spy" },
    create_project: { organization_id: b.organization_id, slug: "spy", name: "Spy" }, create_environment: { project_id: b.project_id, slug: "spy", name: "Spy" },
    add_environment_key: { ...there, public_key: { kty: "OKP", crv: "X25519", x: "A".repeat(43) } }, put_secret: { value: "a stolen place" }, reseal_secret: { version: 1, sealed: "x" },
    create_connection: { ...there, name: "spy", kind: "postgres", settings: reading }, change_connection: { kind: "postgres", settings: reading },
    put_lineage_receiver: { url: "https://example.org/lineage" }, record_lineage: told, record_lineage_batch: [told],
    fail_run: { error_code: "x", error_message: "x" }, mark_failure: { mark: "acknowledged" }, mark_notification: { mark: "acknowledged" }, change_alert_rule: { enabled: false },
    create_alert_rule: { ...there, name: "spy", condition: { kind: "run_failed", in_a_row: 1 } }, preview_alert_rule: { ...there, condition: { kind: "run_failed", in_a_row: 1 } }, create_upload_url: { byte_size: 16, environment_id: b.environment_id }, finish_upload: { environment_id: b.environment_id }, claim_runs: { run_id: b.run_id, labels: [b.marker] },
  };
  const unscoped = ["get_health", "get_openapi", "get_tick", "post_tick", "whoami", "validate_template", "claim_runs", "preview_times", "get_webhook_key", "verify_audit", "list_members", "list_sessions"]; // the last ones: how many entries the organization has, and one's own
  // Each item of a batch is answered for itself, so the whole is 200: none of them may have been done.
  const batches = ["create_runs", "report_runs"];
  const before = await live.sql("select status, attempt, cancel_requested_at from ops.runs where environment_id = $1", [b.environment_id]);
  for (const [who, headers] of Object.entries(callers)) {
    for (const [name, operation] of Object.entries(operations) as [keyof typeof operations, Operation][]) {
      if (operation.access === "scheduler" || name === "get_openapi") continue;
      const query = Object.fromEntries(Object.entries({ ...(name === "preview_deletion" ? { kind: "project", id: b.project_id } : {}), environment_id: b.environment_id, project_id: b.project_id, organization_id: b.organization_id, project: b.project, environment: "dev", dataset: `gold.${b.marker}`, query: b.marker }).filter(([key]) => key in (operation.query?.shape ?? {})));
      const answer = await raw(operationUrl({ url: live.stack.app_url, token: "" }, name, { params, query }), {
        method: operation.method, headers: { ...headers, ...(operation.access === "lease" ? lease : {}), ...(operation.body?.kind === "json" ? { "content-type": "application/json" } : {}) },
        ...(operation.body === undefined ? {} : { body: operation.body.kind === "bytes" ? b.marker : JSON.stringify(bodies[name] ?? {}) }),
      });
      const where = `${who} ${name} ${answer.status} ${answer.text.slice(0, 300)}`;
      const named = [b.connection_id, b.run_id, b.marker, b.artifact_id, b.environment_id, b.project_id, b.project];
      // A refusal may repeat what the caller itself has named; a listing may not.
      expect(leaks(answer.text, b).filter((secret) => !((answer.status >= 400 || batches.includes(name)) && named.includes(secret))), where).toEqual([]);
      const listing = operation.method === "GET" && !operation.path.includes("{");
      if (listing) {
        const items = (answer.body as { items?: unknown[] } | null)?.items ?? [];
        expect([200, 404].includes(answer.status) && items.length === 0 || unscoped.includes(name), where).toBe(true);
      } else if (batches.includes(name) && answer.status === 200) {
        expect((answer.body as { items: { ok: boolean }[] }).items.map(({ ok }) => ok), where).toEqual([false]);
      } else if (!unscoped.includes(name)) {
        expect([403, 404, 409], where).toContain(answer.status);
      }
      if (name === "claim_runs") expect([204, 403], where).toContain(answer.status);
    }
  }
  expect(await live.sql("select status, attempt, cancel_requested_at from ops.runs where environment_id = $1", [b.environment_id]), "and nothing was changed").toEqual(before);
  // What an executor offers stands beside its name, and this one has offered the other's label itself.
  await a.executor.plane.claim({ labels: [] });
}, 120_000);

/** Every table and view of schema ops with the columns that one of the roles may select. */
async function readable(role: string): Promise<{ table: string; columns: string[] }[]> {
  const rows = await live.sql<{ name: string; columns: string[] }>(`
    select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'ops'::regnamespace and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and has_column_privilege($1, c.oid, a.attnum, 'select') group by 1 order by 1`, [role]);
  return rows.map((row) => ({ table: row.name, columns: row.columns }));
}

test("gate 6, PostgREST: no table answers a row of another project, to a session, a token or an executor", async () => {
  const publishable = { apikey: live.stack.publishable_key };
  const callers: Record<string, { headers: Record<string, string>; role: string }> = {
    session: { headers: { ...publishable, authorization: `Bearer ${a.user.access_token}` }, role: "authenticated" },
    token: { headers: { ...publishable, "x-control-room-token": a.api.token }, role: "ops_token" },
    executor: { headers: { ...publishable, "x-control-room-token": a.executor.token }, role: "ops_token" },
  };
  for (const [who, { headers, role }] of Object.entries(callers)) {
    const tables = await readable(role);
    expect(tables.map(({ table }) => table)).toEqual(expect.arrayContaining(["runs", "run_events", "run_phases", "run_artifacts", "datasets", "job_templates"]));
    let ownRows = 0;
    for (const { table, columns } of tables) {
      const answer = await raw(`${live.stack.supabase_url}/rest/v1/${table}?select=${columns.join(",")}&limit=1000`, { headers: { ...headers, "accept-profile": "ops" } });
      expect(answer.status, `${who} ${table} ${answer.text.slice(0, 300)}`).toBe(200);
      expect(leaks(answer.text, b), `${who} ${table}`).toEqual([]);
      if (answer.text.includes(a.run_id)) ownRows += 1;
    }
    expect(ownRows, `${who} sees its own rows`).toBeGreaterThan(2);
  }
  const nobody = await raw(`${live.stack.supabase_url}/rest/v1/runs?select=run_id`, { headers: { ...publishable, "accept-profile": "ops" } });
  expect(nobody.status).toBeGreaterThanOrEqual(400);
  for (const table of ["settings", "sql_logins", "run_heads"]) {
    expect((await raw(`${live.stack.supabase_url}/rest/v1/${table}`, { headers: { ...publishable, authorization: `Bearer ${a.user.access_token}`, "accept-profile": "ops_private" } })).status).toBeGreaterThanOrEqual(400);
  }
});

test("gate 6, SQL: a database login that stands for a member sees that member's rows alone, whatever it sets", async () => {
  const login = `reader_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(18).toString("base64url");
  const database = pg.escapeIdentifier(new URL(live.stack.database_url).pathname.slice(1));
  await live.sql(`create role ${login} login password '${password}' in role ops_sql`);
  await live.sql(`grant connect on database ${database} to ${login}`);
  try {
    await live.sql("insert into ops_private.sql_logins (login, user_id) values ($1, $2)", [login, a.user.user_id]);
    const url = new URL(live.stack.database_url);
    url.username = login;
    url.password = password;
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      const look = async (): Promise<void> => {
        let ownRows = 0;
        for (const { table, columns } of await readable("ops_sql")) {
          const text = JSON.stringify((await client.query(`select ${columns.map((column) => pg.escapeIdentifier(column)).join(", ")} from ops.${pg.escapeIdentifier(table)}`)).rows);
          expect(leaks(text, b), table).toEqual([]);
          if (text.includes(a.run_id)) ownRows += 1;
        }
        expect(ownRows).toBeGreaterThan(2);
      };
      await look();
      // What PostgREST sets for a request must not count from anybody else.
      await client.query("select set_config('request.jwt.claims', $1, false), set_config('ops.principal', $2, false), set_config('request.headers', $3, false)", [
        JSON.stringify({ role: "authenticated", sub: b.user.user_id }), JSON.stringify({ type: "user", id: b.user.user_id, name: "b" }), JSON.stringify({ "x-control-room-token": b.api.token }),
      ]);
      await look();
      await expect(client.query("set role service_role")).rejects.toThrow();
      await expect(client.query("select * from ops_private.sql_logins")).rejects.toThrow();
    } finally {
      await client.end();
    }
  } finally {
    await live.sql("delete from ops_private.sql_logins where login = $1", [login]);
    await live.sql(`revoke connect on database ${database} from ${login}`);
    await live.sql(`drop role ${login}`);
  }
});
