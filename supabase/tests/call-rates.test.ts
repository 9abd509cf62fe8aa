import { afterAll, beforeAll, expect, test } from "vitest";
import { fromDatabase } from "../../lib/ops/database-error.ts";
import { startPostgrest, type TestPostgrest } from "./support/postgrest.ts";
import { signRoleToken, signUserToken } from "./support/tokens.ts";
import { anApiToken, anExecutor, aTenant, openWorld, request, type Caller, type Tenant, type World } from "./world.ts";

let world: World;
let postgrest: TestPostgrest;
let tenant: Tenant;
beforeAll(async () => {
  world = await openWorld(12);
  // What a request of PostgREST sees of its own transaction.
  await world.owner.query("create view ops.time_limit with (security_invoker = true) as select current_setting('statement_timeout') as most; grant select on ops.time_limit to authenticated, ops_token");
  await world.owner.query("create function ops.time_limit_of_call() returns text language sql stable as 'select current_setting(''statement_timeout'')'; grant execute on function ops.time_limit_of_call() to authenticated, ops_token");
  postgrest = await startPostgrest(world.database.urlOf("authenticator"));
  tenant = await aTenant(world);
});
afterAll(async () => {
  await postgrest?.stop();
  await world?.drop();
});
const limit = (kind: string, perSecond: number) => world.owner.query("select ops_private.put_setting($1, $2)", [`calls_per_second_${kind}`, String(perSecond)]);
const calls = (caller: Caller, many: number) => Promise.allSettled(Array.from({ length: many }, () => request(world, caller, "select ops.whoami()")));
const refusedOf = (outcomes: PromiseSettledResult<unknown>[]) => outcomes.filter((each) => each.status === "rejected").length;

test.each(["person", "token", "executor"] as const)("a %s over its limit is paused, on every connection, for reading as for writing, and nobody else is", async (kind) => {
  const caller: Caller = kind === "person" ? { user: tenant.user } : kind === "token" ? { token: tenant.api.token } : { token: (await anExecutor(world, tenant)).token };
  const bystander: Caller = kind === "executor" ? { token: (await anExecutor(world, tenant)).token } : { token: (await anApiToken(world, tenant.project_id, "viewer")).token };
  await limit(kind, 10);
  try {
    // One in 64 is counted: 1,000 calls at a limit of 100 leave chance a hundred-thousandth.
    await calls(caller, 1000);
    expect(refusedOf(await calls(caller, 20))).toBe(20);
    expect(refusedOf(await calls(bystander, 5))).toBe(0);
    await world.owner.query("update ops_private.call_pauses set until = now()");
    await world.owner.query("delete from ops_private.call_samples");
    expect(refusedOf(await calls(caller, 5))).toBe(0);
  } finally {
    await world.owner.query("delete from ops_private.settings where key like 'calls_per_second_%'");
    await world.owner.query("delete from ops_private.call_samples; delete from ops_private.call_pauses");
  }
});

test("PostgREST answers 429 with Retry-After, for GET and POST, and the web app reads both", async () => {
  const anon = await signRoleToken("anon");
  const { rows: [{ id }] } = await world.owner.query("select api_token_id as id from ops.api_tokens where project_id = $1 order by created_at limit 1", [tenant.project_id]);
  await world.owner.query("insert into ops_private.call_pauses values ($1, now() + interval '4 seconds'), ($2, now() + interval '4 seconds')", [id, tenant.user]);
  const asToken = { Authorization: `Bearer ${anon}`, "x-control-room-token": tenant.api.token };
  const asPerson = { Authorization: `Bearer ${await signUserToken(tenant.user)}` };
  for (const headers of [asToken, asPerson]) {
    for (const [path, init] of [["/runs?select=run_id", {}], ["/rpc/whoami", { method: "POST", body: "{}" }]] as const) {
      const answer = await fetch(postgrest.url + path, { ...init, headers: { ...headers, "Content-Profile": "ops", "Accept-Profile": "ops", "Content-Type": "application/json" }, signal: AbortSignal.timeout(20_000) });
      expect(answer.status).toBe(429);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(Number(answer.headers.get("retry-after"))).toBeLessThanOrEqual(4);
      expect(fromDatabase(await answer.json() as object, 429)).toMatchObject({ code: "rate_limited", retryAfterSeconds: Number(answer.headers.get("retry-after")) });
    }
  }
  await world.owner.query("delete from ops_private.call_pauses");
});

test("a read of a table, by whatever filter and from whomever, has 3 s; a function has its 8", async () => {
  const callers: Record<string, string>[] = [{ Authorization: `Bearer ${await signRoleToken("anon")}`, "x-control-room-token": tenant.api.token }, { Authorization: `Bearer ${await signUserToken(tenant.user)}` }];
  for (const headers of callers) {
    const ask = async (path: string, init: RequestInit = {}) => (await fetch(postgrest.url + path, { ...init, headers: { ...headers, "Content-Profile": "ops", "Accept-Profile": "ops", "Content-Type": "application/json" }, signal: AbortSignal.timeout(20_000) })).json();
    for (const path of ["/time_limit", "/time%5Flimit?most=neq.x&limit=1", "/time_limit?select=most&order=most"]) expect(await ask(path), path).toEqual([{ most: "3s" }]);
    expect(await ask("/rpc/time_limit_of_call")).toBe("8s");
    expect(await ask("/rpc/time_limit_of_call", { method: "POST", body: "{}" })).toBe("8s");
  }
});

test("what is counted stays small: samples older than the window go with the next ones", async () => {
  await world.owner.query("insert into ops_private.call_samples select $1, now() - interval '11 seconds' from generate_series(1, 50)", [tenant.user]);
  await calls({ user: tenant.user }, 600);
  const { rows: [{ old }] } = await world.owner.query("select count(*)::int as old from ops_private.call_samples where at < now() - interval '11 seconds'");
  expect(old).toBe(0);
});
