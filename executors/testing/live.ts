import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import pg from "pg";
import { z } from "zod";
import type { Run, RunPhase } from "../../contracts/run.ts";
import { isTerminal } from "../../contracts/words.ts";
import type { RunEvent } from "../../contracts/event.ts";
import { request, type Connection } from "../cli/connection.ts";
import type { ControlPlane } from "../core/control-plane.ts";
import { httpTransport } from "../core/http-transport.ts";

const stackFile = z.object({
  app_url: z.url(), api_url: z.url(), supabase_url: z.url(), postgrest_url: z.url(), publishable_key: z.string(), secret_key: z.string(), database_url: z.string(),
  data_dir: z.string(), admin: z.object({ email: z.string(), password: z.string() }), api_token: z.string(), executor_token: z.string(),
});
export type Stack = z.infer<typeof stackFile>;

/** A product that runs, and its database as the migration role sees it. */
export interface Live {
  stack: Stack;
  /** The first project's token. */
  api: Connection;
  /** All rows of a statement. */
  sql<T extends Record<string, unknown> = Record<string, unknown>>(text: string, values?: unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

/** The product of a data folder, of the one that CONTROL_ROOM_DATA_DIR names by default. Throws where none runs there. */
export function openLive(data_dir: string = process.env["CONTROL_ROOM_DATA_DIR"] ?? ".data"): Live {
  const folder = resolve(data_dir);
  let stack: Stack;
  try {
    stack = stackFile.parse(JSON.parse(readFileSync(join(folder, "stack.json"), "utf8")));
  } catch (error) {
    throw new Error(`No product runs in ${folder}. Start one with \`npm start\` and name its folder in CONTROL_ROOM_DATA_DIR.`, { cause: error });
  }
  const pool = new pg.Pool({ connectionString: stack.database_url, max: 4 });
  pool.on("error", () => undefined); // a connection that the server ends while it is idle
  return {
    stack,
    api: { url: stack.app_url, token: stack.api_token },
    sql: async <T extends Record<string, unknown>>(text: string, values: unknown[] = []) => (await pool.query<T>(text, values)).rows,
    close: () => pool.end(),
  };
}

/** A project of its own with one environment and an admin's token. */
export interface Tenant {
  organization_id: string;
  project_id: string;
  project: string;
  environment_id: string;
  api: Connection;
}

export async function aTenant(live: Live, within: { organization_id?: string } = {}): Promise<Tenant> {
  const slug = `t${randomBytes(6).toString("hex")}`;
  const [row] = await live.sql<{ organization_id: string; project_id: string; environment_id: string }>(
    `with organization as (insert into ops.organizations (slug, name) select $1, $1 where $2::uuid is null returning organization_id),
       project as (insert into ops.projects (organization_id, slug, name) select coalesce($2, (select organization_id from organization)), $1, $1 returning organization_id, project_id),
       environment as (insert into ops.environments (project_id, slug, name) select project_id, 'dev', 'dev' from project returning environment_id)
     select organization_id, project_id, environment_id from project cross join environment`, [slug, within.organization_id ?? null]);
  if (row === undefined) throw new Error("the tenant was not made");
  return { ...row, project: slug, api: { url: live.stack.app_url, token: await aToken(live, row.project_id, "admin") } };
}

/** The environment that the product came with, in which the reference pipelines run. */
export async function firstTenant(live: Live): Promise<Tenant> {
  const environment = (await request(live.api, "whoami")).environments[0];
  if (environment === undefined) throw new Error("the product's own token sees no environment");
  const { organization_id, project_id, environment_id, project_slug } = environment;
  return { organization_id, project_id, environment_id, project: project_slug, api: live.api };
}

function newToken(prefix: "lct_" | "lcx_"): { token: string; hash: Buffer } {
  const token = prefix + randomBytes(32).toString("base64url");
  return { token, hash: createHash("sha256").update(token).digest() };
}

/** An API token of the project; `valid_seconds` below zero has expired already. */
export async function aToken(live: Live, project_id: string, role: string, valid_seconds = 86_400): Promise<string> {
  const { token, hash } = newToken("lct_");
  await live.sql("insert into ops.api_tokens (project_id, name, role, prefix, token_sha256, expires_at) values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))",
    [project_id, `test ${token.slice(4, 12)}`, role, token.slice(0, 12), hash, valid_seconds]);
  return token;
}

export interface TestExecutor {
  executor_id: string;
  token: string;
  /** The contract as an executor speaks it, with this token. */
  plane: ControlPlane;
}

export async function anExecutor(live: Live, tenant: Pick<Tenant, "project_id" | "environment_id">, valid_seconds = 86_400): Promise<TestExecutor> {
  const { token, hash } = newToken("lcx_");
  const [row] = await live.sql<{ executor_id: string }>(
    `with executor as (insert into ops.executors (project_id, name) values ($1, $2) returning executor_id),
       place as (insert into ops.executor_environments (executor_id, environment_id) select executor_id, $3 from executor),
       token as (insert into ops.executor_tokens (executor_id, prefix, token_sha256, expires_at) select executor_id, $4, $5, now() + make_interval(secs => $6) from executor)
     select executor_id from executor`, [tenant.project_id, `test ${token.slice(4, 14)}`, tenant.environment_id, token.slice(0, 12), hash, valid_seconds]);
  if (row === undefined) throw new Error("the executor was not made");
  return { executor_id: row.executor_id, token, plane: httpTransport({ url: live.stack.app_url, token }) };
}

/** A queue that no other test and no resident worker serves. */
export function aQueue(): string {
  return `q${randomBytes(6).toString("hex")}`;
}

/** Asks until the answer is neither null, undefined nor false. Throws after `seconds`, with what was waited for. */
export async function until<T>(what: string, seconds: number, ask: () => Promise<T | null | undefined | false>): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`waited ${seconds} s in vain for ${what}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

/** The run once it has ended. */
export function ended(api: Connection, run_id: string, seconds = 60): Promise<Run> {
  return until(`the end of run ${run_id}`, seconds, async () => {
    const run = await request(api, "get_run", { params: { run_id } });
    return isTerminal(run.status) && run;
  });
}

/** All events of a run, oldest first. */
export async function eventsOf(api: Connection, run_id: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for (;;) {
    const { items } = await request(api, "list_events", { params: { run_id }, query: { after: events.at(-1)?.seq ?? 0, limit: 1000 } });
    if (items.length === 0) return events;
    events.push(...items);
  }
}

export async function phasesOf(api: Connection, run_id: string): Promise<RunPhase[]> {
  return (await request(api, "list_phases", { params: { run_id } })).items;
}

/** One request as it is, for what the typed calls would not send. */
export async function raw(url: string, init: RequestInit = {}): Promise<{ status: number; headers: Headers; text: string; body: unknown }> {
  const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(30_000), ...init });
  const text = await response.text();
  let body: unknown = null;
  if (/[/+]json/.test(response.headers.get("content-type") ?? "") && text !== "") body = JSON.parse(text);
  return { status: response.status, headers: response.headers, text, body };
}
