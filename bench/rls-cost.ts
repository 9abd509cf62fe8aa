import pg from "pg";
import { auditEntry } from "../contracts/audit.ts";
import { datasetVersion } from "../contracts/dataset.ts";
import { runEvent } from "../contracts/event.ts";
import { executor } from "../contracts/executor.ts";
import { runPhase } from "../contracts/run.ts";
import { template } from "../contracts/template.ts";
import { databaseUrl } from "../scripts/stack/postgres-server.ts";
import { PASSWORD, startTestServer, TEMPLATE } from "../supabase/tests/support/test-server.ts";
import { type Figure, percentile } from "./figures.ts";
import { fillProjects, type BenchPlace } from "./rls-rows.ts";

const sizes = { small: { projects: 1000, rows: 200_000 }, full: { projects: 1000, rows: 1_000_000 } };
const turns = 61;
/** The first turns plan and fill caches. */
const warmUp = 8;

/** A list or page as PostgREST asks for it: a row of JSON. `values` are its parameters. */
interface Reading { name: string; from: string; values: unknown[] }

const columns = (shape: object): string => Object.keys(shape).map((name) => `t."${name}"`).join(", ");
const audited = columns(auditEntry.shape);

/** What the lists and pages of lib/ops ask: each names its environment, project, organization or run. */
function readings({ environment_id, project_id, organization_id, run_id, actor_id, object_id }: BenchPlace): Reading[] {
  const runs = (where: string): Reading["from"] => `select t.* from ops.run_list as t where t.environment_id = $1 ${where} order by t.run_id desc limit 51`;
  const audit = (where: string): Reading["from"] => `select ${audited} from ops.audit_list as t where t.organization_id = $1 ${where} order by t.audit_id desc limit 51`;
  const [environment, organization] = [[environment_id], [organization_id]];
  return [
    { name: "runs, newest", from: runs(""), values: environment },
    { name: "runs, a later page", from: runs("and t.run_id < $2"), values: [environment_id, run_id] },
    { name: "runs of a status", from: runs("and t.status = $2"), values: [environment_id, "failed"] },
    { name: "runs of a pipeline", from: runs("and t.template_key = $2"), values: [environment_id, "bench"] },
    { name: "runs found by words", from: runs("and (t.spec_slug ilike $2 or t.error_message ilike $2)"), values: [environment_id, "%bench 7%"] },
    { name: "a run", from: "select t.* from ops.run_list as t where t.run_id = $1 limit 1", values: [run_id] },
    { name: "phases of a run", from: `select ${columns(runPhase.shape)} from ops.run_phases as t where t.run_id = $1 order by t.position, t.name`, values: [run_id] },
    { name: "events of a run", from: `select ${columns(runEvent.shape)} from ops.run_events as t where t.run_id = $1 and t.seq > 0 order by t.seq limit 200`, values: [run_id] },
    { name: "datasets", from: `select ${columns(datasetVersion.shape)} from ops.dataset_list as t where t.environment_id = $1 order by t.name, t.dataset_id limit 51`, values: environment },
    { name: "pipelines", from: `select ${columns(template.shape)} from ops.template_list as t where t.project_id = $1 order by t.template_key, t.template_id limit 51`, values: [project_id] },
    { name: "executors", from: `select ${columns(executor.shape).replace('t."status"', "ops.status(t) as status")} from ops.executors as t where t.project_id = $1 and t.deleted_at is null order by t.name, t.executor_id limit 51`, values: [project_id] },
    { name: "audit, newest", from: audit(""), values: organization },
    { name: "audit of an environment", from: audit("and t.environment_id = $2"), values: [organization_id, environment_id] },
    { name: "audit by actor", from: audit("and t.actor_id = $2"), values: [organization_id, actor_id] },
    { name: "audit by actor's name", from: audit("and t.actor_name = $2"), values: [organization_id, "rare@example.test"] },
    { name: "audit by action", from: audit("and t.action = $2"), values: [organization_id, "schedule.deleted"] },
    { name: "audit by noun", from: audit("and t.action >= $2 and t.action < $3"), values: [organization_id, "schedule.", "schedule/"] },
    { name: "audit of an object", from: audit("and t.object_id = $2"), values: [organization_id, object_id] },
  ];
}

/**
 * What row level security adds to every list and page: the request as a member, against the same as a role that row level
 * security does not hold, in turns, in one session of PostgREST's login. Both must answer the same.
 */
export async function rlsCost(scale: keyof typeof sizes): Promise<Figure[]> {
  const server = await startTestServer();
  const admin = new pg.Client({ connectionString: databaseUrl(server.port, "supabase_admin", PASSWORD, TEMPLATE) });
  const rest = new pg.Client({ connectionString: databaseUrl(server.port, "authenticator", PASSWORD, TEMPLATE) });
  try {
    await admin.connect();
    await rest.connect();
    const { place, member } = await fillProjects(admin, sizes[scale]);
    await admin.query(`create role bench_without_rls nologin noinherit bypassrls; grant bench_without_rls to authenticator;
      grant usage on schema ops, ops_private to bench_without_rls; grant select on all tables in schema ops to bench_without_rls; grant execute on all functions in schema ops to bench_without_rls`);
    const costs = [];
    for (const reading of readings(place)) {
      const { held, free } = await measure(rest, reading, member);
      costs.push({ name: reading.name, adds: held.statement - free.statement, request: held.request / free.request });
      if (process.argv.includes("--each")) console.log(`  ${reading.name}: request ${free.request.toFixed(2)} → ${held.request.toFixed(2)} ms, statement ${free.statement.toFixed(2)} → ${held.statement.toFixed(2)} ms`);
    }
    const worst = costs.reduce((most, cost) => (cost.request > most.request ? cost : most));
    const label = `row level security on ${costs.length} lists and pages, ${sizes[scale].rows.toLocaleString("en")} rows in ${sizes[scale].projects.toLocaleString("en")} projects`;
    return [
      { name: `${label}: a request, median`, value: percentile(costs.map((cost) => cost.request), 0.5), unit: "×" },
      { name: `the dearest (${worst.name})`, value: worst.request, unit: "×", target: "< 1.5" },
      { name: "what it adds to a statement, median", value: percentile(costs.map((cost) => cost.adds), 0.5), unit: "ms" },
    ];
  } finally {
    await Promise.allSettled([admin.end(), rest.end()]);
    await server.stop();
  }
}

interface Cost { statement: number; request: number }

/** In ms, the lower quartile (what else the machine does only adds): of the statement alone, and of all that PostgREST sends for the request. The member's own checks (session, rate) are in both. */
async function measure(rest: pg.Client, { from, values }: Reading, member: string): Promise<{ held: Cost; free: Cost }> {
  const statement = `select coalesce(json_agg(x), '[]')::text as body, count(*)::int as rows from (${from}) as x`;
  const claims = JSON.stringify({ role: "authenticated", sub: member, email: "bench@example.test" });
  const times = { authenticated: [] as Cost[], bench_without_rls: [] as Cost[] };
  const answers = new Set<string>();
  for (let turn = -warmUp; turn < turns; turn += 1) {
    for (const role of ["authenticated", "bench_without_rls"] as const) {
      const begun = performance.now();
      await rest.query("begin read only");
      await rest.query("select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true), set_config('request.headers', '{}', true)", [claims]);
      await rest.query("select ops_private.pre_request()");
      await rest.query(`set local role ${role}`);
      const asked = performance.now();
      const { rows: [answer] } = await rest.query(statement, values);
      const answered = performance.now();
      await rest.query("commit");
      if (turn >= 0) times[role].push({ statement: answered - asked, request: performance.now() - begun });
      answers.add(answer.body);
      if (answer.rows === 0) throw new Error(`nothing to read: ${from}`);
    }
  }
  if (answers.size !== 1) throw new Error(`row level security changed the answer: ${from}`);
  const usual = (costs: Cost[]): Cost => ({ statement: percentile(costs.map((cost) => cost.statement), 0.25), request: percentile(costs.map((cost) => cost.request), 0.25) });
  return { held: usual(times.authenticated), free: usual(times.bench_without_rls) };
}
