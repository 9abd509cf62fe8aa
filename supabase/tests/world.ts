import { createHash, randomBytes, randomUUID } from "node:crypto";
import pg, { type Pool } from "pg";
import { canonicalJson } from "../../contracts/canonical.ts";
import type { RpcArgs, RpcName, RpcReturns } from "../../contracts/rpc.ts";
import { createDatabase, type TestDatabase } from "./support/database.ts";
import { brokenInvariants as findBroken } from "./support/invariants.ts";

/** A database as these tests need it: the owner's pool, and the pool of PostgREST's login. */
export interface Doors {
  /** As the migration role: sees everything. */
  owner: Pool;
  /** As `authenticator`, the way PostgREST connects. */
  rest: Pool;
}

export interface World extends Doors {
  database: TestDatabase;
  drop(): Promise<void>;
}

/** The scheduler's secret of every world. */
export const cronSecret = "only-for-tests-cron-secret";
/** The key with which the store of a world signs its receipts, in hex. */
export const receiptKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/** A database of its own, with `connections` for requests. Drop it in `afterAll`. */
export async function openWorld(connections = 16): Promise<World> {
  const database = await createDatabase({ connections: 6 });
  const rest = new pg.Pool({ connectionString: database.urlOf("authenticator"), max: connections });
  rest.on("error", () => undefined); // dropping the database ends idle connections
  await database.query("select ops_private.put_setting('cron_secret_sha256', $1), ops_private.put_setting('storage_receipt_key', $2)", [
    createHash("sha256").update(cronSecret).digest("hex"), receiptKey,
  ]);
  return { database, owner: database.pool, rest, drop: () => rest.end().then(() => database.drop()) };
}

/** An answer that is an error: `code` is one of contracts/error.ts. */
export interface Refusal {
  code: string;
  status: string;
}

export type Caller = { token: string } | { user: string } | { anonymous: true };

/** Runs one request the way PostgREST does: role, headers (`more` of them), pre-request, then the call, in one transaction. */
export async function request<T>(doors: Doors, caller: Caller, sql: string, values: unknown[] = [], more: Record<string, string> = {}): Promise<T[]> {
  const client = await doors.rest.connect();
  try {
    const headers = { ...more, ...("token" in caller ? { "x-control-room-token": caller.token } : {}) };
    const claims = "user" in caller ? { role: "authenticated", sub: caller.user, email: "user@example.test" } : { role: "anon" };
    const settings = { role: claims.role, "request.headers": JSON.stringify(headers), "request.jwt.claims": JSON.stringify(claims), "request.method": "POST" };
    const set = Object.entries(settings).map(([name, value]) => `set_config(${pg.escapeLiteral(name)}, ${pg.escapeLiteral(value)}, true)`);
    await client.query(`begin; select ${set.join(", ")}; select ops_private.pre_request()`); // one round trip
    const { rows } = await client.query(sql, values);
    await client.query("commit");
    return rows as T[];
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** Calls an RPC with named arguments, as PostgREST does. */
export async function call<N extends RpcName>(doors: Doors, caller: Caller, name: N, args: RpcArgs<N>): Promise<RpcReturns<N>> {
  const names = Object.keys(args);
  const values = names.map((key) => {
    const value = (args as Record<string, unknown>)[key];
    const isArray = Array.isArray(value) && !["append_events.events", "append_logs.chunks", "compact_logs.files", "record_quality.results", "record_lineage.events", "report_runs.reports", "create_runs.requests", "create_children.children", "settle_lineage.told"].includes(`${name}.${key}`);
    return value !== null && typeof value === "object" && !isArray ? JSON.stringify(value) : value;
  });
  const [row] = await request<{ answer: RpcReturns<N> }>(doors, caller, `select ops.${name}(${names.map((key, index) => `${key} => $${index + 1}`).join(", ")}) as answer`, values);
  return row?.answer as RpcReturns<N>;
}

/** What the call was refused with; a call that succeeds fails the test. */
export async function refusal(attempt: Promise<unknown>): Promise<Refusal> {
  try {
    await attempt;
  } catch (error) {
    const refused = error as { code?: string; message: string };
    return { code: refused.message, status: refused.code ?? "" };
  }
  throw new Error("the call was expected to be refused, and succeeded");
}

export function newToken(prefix: "lct_" | "lcx_"): { token: string; hash: Buffer } {
  const token = prefix + randomBytes(32).toString("base64url");
  return { token, hash: createHash("sha256").update(token).digest() };
}

export interface Tenant {
  organization_id: string;
  project_id: string;
  environment_id: string;
  user: string;
  /** An API token of role admin. */
  api: { token: string };
}

/** An organization with one project, one environment, its owner and an admin token. */
export async function aTenant(doors: Doors, within?: { organization_id: string }): Promise<Tenant> {
  const suffix = randomBytes(5).toString("hex");
  const user = randomUUID();
  await doors.owner.query("insert into auth.users (id, email) values ($1, $2)", [user, `${suffix}@example.test`]);
  const organization = within?.organization_id ?? (await doors.owner.query("insert into ops.organizations (slug, name) values ($1, $1) returning organization_id as id", [`o${suffix}`])).rows[0].id;
  const project = (await doors.owner.query("insert into ops.projects (organization_id, slug, name) values ($1, $2, $2) returning project_id as id", [organization, `p${suffix}`])).rows[0].id;
  const environment = (await doors.owner.query("insert into ops.environments (project_id, slug, name) values ($1, 'dev', 'dev') returning environment_id as id", [project])).rows[0].id;
  await doors.owner.query("insert into ops.memberships (user_id, organization_id, project_id, role) values ($1, $2, $3, 'owner')", [user, organization, project]);
  return { organization_id: organization, project_id: project, environment_id: environment, user, api: await anApiToken(doors, project, "admin") };
}

/** A token of the project, or of one environment of it. */
export async function anApiToken(doors: Doors, project: string, role: string, environment: string | null = null): Promise<{ token: string }> {
  const { token, hash } = newToken("lct_");
  await doors.owner.query("insert into ops.api_tokens (project_id, name, role, prefix, token_sha256, environment_id, expires_at) values ($1, $2, $3, $4, $5, $6, now() + interval '1 day')", [
    project, `token ${token.slice(4, 10)}`, role, token.slice(0, 12), hash, environment,
  ]);
  return { token };
}

export async function anExecutor(doors: Doors, tenant: Tenant): Promise<{ token: string; executor_id: string }> {
  const { token, hash } = newToken("lcx_");
  const executor_id: string = (await doors.owner.query("insert into ops.executors (project_id, name) values ($1, $2) returning executor_id as id", [tenant.project_id, `x${token.slice(4, 14)}`])).rows[0].id;
  await doors.owner.query("insert into ops.executor_environments (executor_id, environment_id) values ($1, $2)", [executor_id, tenant.environment_id]);
  await doors.owner.query("insert into ops.executor_tokens (executor_id, prefix, token_sha256, expires_at) values ($1, $2, $3, now() + interval '1 day')", [executor_id, token.slice(0, 12), hash]);
  return { token, executor_id };
}

/** The canonical text of a small spec with these phases, each after the one before. */
export function specText(phases: string[] = ["extract", "check", "load"], name = "sample"): string {
  return canonicalJson({
    version: 1,
    name,
    phases: phases.map((phase, index) => ({ name: phase, type: "query", depends_on: index === 0 ? [] : [phases[index - 1]], config: { sql: "select 1" } })),
  });
}

type CreateArgs = Extract<RpcArgs<"create_runs">["requests"][number], { environment_id: string }>;
export function aRequest(tenant: Tenant, more: Partial<CreateArgs> = {}): { request: CreateArgs } {
  return { request: { environment_id: tenant.environment_id, spec_text: specText(), parameters: {}, priority: 100, queue: "default", labels: [], max_attempts: 3, trigger: "api", ...more } };
}

/** A queued run of the tenant. */
export async function aRun(doors: Doors, tenant: Tenant, more: Partial<CreateArgs> = {}): Promise<string> {
  return (await call(doors, tenant.api, "create_run", aRequest(tenant, more))).run.run_id;
}

/** Claims one run (this one, where named) and fails where there is none. */
export async function aClaim(doors: Doors, executor: { token: string }, options: { run_id?: string; lease_seconds?: number; labels?: string[]; queues?: string[] } = {}) {
  const [claim] = await claimSome(doors, executor, { max_runs: 1, ...options });
  if (!claim) throw new Error("there was no run to claim");
  return { ...claim, lease: leaseOf(claim) };
}

/** As the loop of an executor does: claims again at once where the answer says so. */
export async function claimSome(doors: Doors, executor: { token: string }, args: RpcArgs<"claim_runs"> = {}): Promise<RpcReturns<"claim_runs">["items"]> {
  for (let turn = 0; turn < 200; turn++) {
    const answer = await call(doors, executor, "claim_runs", args);
    if (answer.items.length > 0 || !answer.again) return answer.items;
  }
  throw new Error("claim_runs asked to be called again 200 times and gave no run");
}

export function leaseOf(claim: RpcReturns<"claim_runs">["items"][number]): { run_id: string; lease_token: string } {
  return { run_id: claim.run.run_id, lease_token: claim.lease_token };
}

export async function tick(doors: Doors) {
  return call(doors, { token: cronSecret }, "tick", {});
}

/** Seals until nothing of any organization waits: a transaction of another test's database may hold the sealer back for a moment. */
export async function sealed(doors: Doors): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    await call(doors, { token: cronSecret }, "seal_audit", { at_most: 50_000 });
    const { rows } = await doors.owner.query("select exists (select from ops.audit_log as a where not exists (select from ops.audit_chain as c where c.audit_id = a.audit_id)) as waits");
    if (!rows[0].waits) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("the audit log was not sealed");
}

export async function statusOf(doors: Doors, run_id: string): Promise<string> {
  return (await doors.owner.query("select status from ops.runs where run_id = $1", [run_id])).rows[0]?.status;
}

/** Types of the run's events, in order. */
export async function eventTypes(doors: Doors, run_id: string): Promise<string[]> {
  return (await doors.owner.query("select type from ops.run_events where run_id = $1 order by seq", [run_id])).rows.map((row) => row.type);
}

/** Bytes that the environment's store vouches for. */
export async function anObject(doors: Doors, environment: string, content: string): Promise<{ sha256: string; byte_size: number }> {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const byte_size = Buffer.byteLength(content);
  await doors.owner.query("insert into ops.objects (environment_id, sha256, byte_size) values ($1, $2, $3) on conflict do nothing", [environment, sha256, byte_size]);
  return { sha256, byte_size };
}

/** Moves the lease's end into the past, as if its seconds had gone by. */
export async function expireLease(doors: Doors, run_id: string): Promise<void> {
  await doors.owner.query("update ops.leases set expires_at = clock_timestamp() - interval '1 second' where run_id = $1", [run_id]);
}

/** Runs every phase of a claimed run to its end, and completes it. */
export async function finish(doors: Doors, executor: { token: string }, claim: Awaited<ReturnType<typeof aClaim>>): Promise<void> {
  await call(doors, executor, "start_run", claim.lease);
  for (const phase of claim.phases.filter((candidate) => candidate.status === "pending")) {
    await call(doors, executor, "set_phase", { ...claim.lease, name: phase.name, patch: { status: "running" } });
    await call(doors, executor, "append_events", { ...claim.lease, events: [{ event_id: randomUUID(), type: "PHASE_PROGRESS", phase: phase.name, message: "half", data: {} }] });
    await call(doors, executor, "set_phase", { ...claim.lease, name: phase.name, patch: { status: "succeeded", output_sha256: createHash("sha256").update(phase.name).digest("hex") } });
  }
  await call(doors, executor, "complete_run", { ...claim.lease, output_manifest: {} });
}

/** Every guarantee that must hold for every run at every moment; answers the sentences that do not. */
export async function brokenInvariants(doors: Doors): Promise<string[]> {
  return findBroken(async (sql) => (await doors.owner.query(sql)).rows);
}
