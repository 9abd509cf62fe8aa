import { randomUUID } from "node:crypto";
import pg from "pg";
import { databaseUrl } from "../scripts/stack/postgres-server.ts";
import { PASSWORD, startTestServer, TEMPLATE } from "../supabase/tests/support/test-server.ts";
import type { Figure } from "./figures.ts";
import { withoutIndexes } from "./without-indexes.ts";

const sizes = {
  small: { few: 10_000, many: 60_000, finished: 100_000, blocked: 60_000, other: 60_000 },
  full: { few: 10_000, many: 1_000_000, finished: 5_000_000, blocked: 1_000_000, other: 1_000_000 },
};
type Columns = Record<string, string>;

/**
 * Pages that a whole claim of ten runs reads and writes (`claim_runs`, with all that it calls), while the queue and what
 * surrounds it grow: equal figures mean that its cost does not. On a server of its own, filled past the foreign keys.
 */
export async function claimCost(scale: keyof typeof sizes): Promise<Figure[]> {
  const size = sizes[scale];
  const server = await startTestServer();
  const admin = new pg.Client({ connectionString: databaseUrl(server.port, "supabase_admin", PASSWORD, TEMPLATE) });
  const rest = new pg.Client({ connectionString: databaseUrl(server.port, "authenticator", PASSWORD, TEMPLATE) });
  try {
    await admin.connect();
    await admin.query("set session_replication_role = replica; set statement_timeout = 0");
    const mine = await aTenant(admin);
    const figures: Figure[] = [];
    const measure = async (name: string): Promise<number> => {
      await admin.query("vacuum (analyze) ops.runs, ops_private.run_heads");
      const { pages, scans } = await pagesOfAClaim(rest, mine.executor_id, mine.project_id);
      figures.push({ name: `claim of ten, ${name}`, value: pages, unit: "pages" });
      if (scans > 0) throw new Error(`a claim read the whole table of runs ${scans} times: ${name}`);
      return pages;
    };
    await rest.connect();
    await fill(admin, mine, size.few);
    const base = await measure(`${count(size.few)} queued`);
    let worst = base;
    for (const [name, add] of [
      [`${count(size.many)} queued`, () => fill(admin, mine, size.many - size.few)],
      [`and ${count(size.finished)} finished`, () => fill(admin, mine, size.finished, { status: "'succeeded'", finished_at: "now()" })],
      [`and ${count(size.blocked)} blocked by a concurrency key`, async () => fill(admin, mine, size.blocked, await aFullGate(admin, mine))],
      [`and ${count(size.blocked / 10)} waiting for a cap and for their time`, async () => {
        await fill(admin, mine, size.blocked / 20, await aFullGate(admin, mine, "cap"));
        await fill(admin, mine, size.blocked / 20, { not_before: "now() + interval '1 day'" });
      }],
      [`and ${count(size.other)} of another tenant ahead`, async () => fill(admin, await aTenant(admin), size.other, { priority: "0", not_before: "case when n % 2 = 0 then now() - interval '1 minute' end" })],
    ] as [string, () => Promise<unknown>][]) {
      await add();
      worst = Math.max(worst, await measure(name));
    }
    figures.push({ name: "claim of ten, worst against the first", value: worst / base, unit: "×", target: "< 1.5" });
    return figures;
  } finally {
    await Promise.allSettled([admin.end(), rest.end()]);
    await server.stop();
  }
}

const count = (rows: number) => rows.toLocaleString("en");

interface BenchTenant { project_id: string; environment_id: string; lane_id: string; executor_id: string }
async function aTenant(admin: pg.Client): Promise<BenchTenant> {
  const name = `b${randomUUID().slice(0, 8)}`;
  const { rows: [made] } = await admin.query(`
    with organization as (insert into ops.organizations (slug, name) values ($1, $1) returning organization_id),
    project as (insert into ops.projects (organization_id, slug, name) select organization_id, $1, $1 from organization returning project_id),
    environment as (insert into ops.environments (project_id, slug, name) select project_id, 'bench', 'bench' from project returning environment_id, project_id),
    executor as (insert into ops.executors (project_id, name) select project_id, $1 from project returning executor_id),
    serves as (insert into ops.executor_environments select executor_id, environment_id from executor, environment),
    spec as (insert into ops.specs (project_id, spec_sha256, spec_text, spec) select project_id, encode(sha256('{}'), 'hex'), '{}', '{}' from project),
    lane as (insert into ops_private.lanes (environment_id, queue, labels) select environment_id, 'default', '{}' from environment returning lane_id)
    select project_id, environment_id, lane_id, executor_id from environment, executor, lane`, [name]);
  return made as BenchTenant;
}

/** Runs of the tenant. */
async function fill(admin: pg.Client, tenant: BenchTenant, rows: number, columns: Columns = {}): Promise<void> {
  if (rows < 500_000) return insert(admin, tenant, rows, columns);
  return withoutIndexes(admin, () => insert(admin, tenant, rows, columns));
}

/** With their heads; `columns` are SQL expressions in which `n` counts from 1. */
async function insert(admin: pg.Client, tenant: BenchTenant, rows: number, columns: Columns = {}): Promise<void> {
  const names = Object.keys(columns);
  await admin.query(`
    with made as (
      insert into ops.runs (project_id, environment_id, spec_slug, spec_sha256, trigger, lane_id${names.map((name) => `, ${name}`).join("")})
      select $1, $2, 'bench', encode(sha256('{}'), 'hex'), 'api', $3${names.map((name) => `, ${columns[name]}`).join("")} from generate_series(1, $4::int) as n returning run_id, environment_id, status)
    insert into ops_private.run_heads (run_id, environment_id) select run_id, environment_id from made where status = 'queued'`, [tenant.project_id, tenant.environment_id, tenant.lane_id, rows]);
}

/** A gate that lets nobody else through, and what a run has that waits there. */
async function aFullGate(admin: pg.Client, tenant: BenchTenant, kind: "concurrency" | "cap" = "concurrency"): Promise<Columns> {
  const { rows: [gate] } = await admin.query("insert into ops_private.gates (environment_id, kind, key, max_leases, opens_at) values ($1, $2, 'bench', $3, $4) returning gate_id", [
    tenant.environment_id, kind, kind === "cap" ? null : 1, kind === "cap" ? new Date(Date.now() + 3_600_000) : null,
  ]);
  if (kind === "cap") await admin.query(`insert into ops.caps (organization_id, project_id, environment_id, gate_id, cap_key, unit, period, limit_amount)
    select p.organization_id, p.project_id, e.environment_id, $2, 'bench', 'runs', 'day', 0 from ops.environments as e join ops.projects as p using (project_id) where e.environment_id = $1`, [tenant.environment_id, gate.gate_id]);
  return { gate_ids: `array[${gate.gate_id}]::bigint[]`, gate_amounts: "array[null]::numeric[]", blocked_gate: String(gate.gate_id), priority: "0" };
}

/** One claim is made before the one that counts: plans and catalogs are in the session's caches then. Rolled back. */
async function pagesOfAClaim(rest: pg.Client, executor_id: string, project_id: string): Promise<{ pages: number; scans: number }> {
  const scansSoFar = async () => Number((await rest.query("select coalesce(sum(seq_scan), 0) as n from pg_stat_xact_user_tables where schemaname = 'ops' and relname = 'runs'")).rows[0].n);
  await rest.query("begin");
  try {
    await rest.query("select set_config('ops.principal', $1, true)", [JSON.stringify({ type: "executor", id: executor_id, name: "bench", project_id })]);
    await rest.query("set local role ops_token");
    await rest.query("select ops.claim_runs(10)");
    const before = await scansSoFar();
    const { rows } = await rest.query("explain (analyze, buffers, format json) select ops.claim_runs(10)");
    const plan = rows[0]["QUERY PLAN"][0].Plan;
    return { pages: Number(plan["Shared Hit Blocks"]) + Number(plan["Shared Read Blocks"]), scans: (await scansSoFar()) - before };
  } finally {
    await rest.query("rollback");
  }
}
