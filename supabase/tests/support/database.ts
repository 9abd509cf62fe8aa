import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { databaseUrl } from "../../../scripts/stack/postgres-server.ts";
import { withClient } from "../../../scripts/stack/bootstrap.ts";
import { PASSWORD, TEMPLATE } from "./test-server.ts";

/** Who a statement is run as. `claims` and `headers` are what PostgREST would have set for the request. */
export type Caller = {
  role: "anon" | "authenticated" | "service_role" | "ops_token";
  claims?: Record<string, unknown>;
  headers?: Record<string, string>;
  /** Calls `ops_private.pre_request()` first, as PostgREST does: it turns a token header into its principal. */
  pre_request?: boolean;
};

export type Query = <Row extends pg.QueryResultRow = Record<string, unknown>>(sql: string, values?: unknown[]) => Promise<Row[]>;

export type TestDatabase = {
  name: string;
  /** Login `postgres`, the owner. */
  url: string;
  /** The same database for another login: `authenticator`, `supabase_auth_admin`, `ops_listener`, `supabase_admin`. */
  urlOf(login: string): string;
  /** Connections of `postgres`. */
  pool: pg.Pool;
  /** Rows of one statement as the owner. */
  query: Query;
  /**
   * Runs `work` in one transaction, connected as `authenticator` and set to a role as PostgREST does for a request, so
   * that policies see what they see in production. Committed, or rolled back where `work` rejects.
   */
  as<Result>(caller: Caller, work: (query: Query) => Promise<Result>): Promise<Result>;
  drop(): Promise<void>;
};

/** A new database with the present schema, a copy of the template (about 60 ms). Drop it in `afterAll` or `afterEach`. */
export async function createDatabase(options: { connections?: number } = {}): Promise<TestDatabase> {
  const port = inject("database_port");
  const name = `test_${randomBytes(8).toString("hex")}`;
  const maintenance = databaseUrl(port, "supabase_admin", PASSWORD, "template1");
  await copyTemplate(maintenance, name);
  const urlOf = (login: string) => databaseUrl(port, login, PASSWORD, name);
  const max = options.connections ?? 10;
  const pool = new pg.Pool({ connectionString: urlOf("postgres"), max });
  const requests = new pg.Pool({ connectionString: urlOf("authenticator"), max });
  for (const each of [pool, requests]) each.on("error", () => {}); // dropping the database ends idle connections
  return {
    name,
    url: urlOf("postgres"),
    urlOf,
    pool,
    query: async <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => (await pool.query<Row>(sql, values)).rows,
    as: (caller, work) => runAs(requests, caller, work),
    async drop() {
      await Promise.all([pool.end(), requests.end()]);
      await withClient(maintenance, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

async function copyTemplate(maintenance: string, name: string): Promise<void> {
  // Copies of one template exclude each other, and answer 55006 instead of waiting: so they take turns here. Advisory
  // locks belong to a database; every copier connects to the same one.
  await withClient(maintenance, async (client) => {
    await client.query("select pg_advisory_lock(20261122)");
    await client.query(`create database ${name} template ${TEMPLATE} owner postgres strategy file_copy`);
  });
}

async function runAs<Result>(pool: pg.Pool, caller: Caller, work: (query: Query) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  let broken = false;
  try {
    await client.query("begin");
    await client.query(`set local role ${client.escapeIdentifier(caller.role)}`);
    const claims = { role: caller.role, ...caller.claims };
    await client.query(`select set_config('request.jwt.claims', $1, true), set_config('request.headers', $2, true)`, [
      JSON.stringify(claims),
      JSON.stringify(caller.headers ?? {}),
    ]);
    if (caller.pre_request) await client.query("select ops_private.pre_request()");
    const result = await work(async <Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) => (await client.query<Row>(sql, values)).rows);
    await client.query("commit");
    return result;
  } catch (error) {
    await client.query("rollback").catch(() => {
      broken = true; // the connection itself failed: not to be used again
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
