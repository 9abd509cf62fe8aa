import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { askPostgrest, startPostgrest, type TestPostgrest } from "./support/postgrest.ts";
import { anApiToken, anExecutor, aTenant, newToken, openWorld, type Tenant, type World } from "./world.ts";

let world: World;
let rest: TestPostgrest;
let tenant: Tenant;
beforeAll(async () => {
  world = await openWorld(2);
  tenant = await aTenant(world);
  rest = await startPostgrest(world.database.urlOf("authenticator"));
});
afterAll(async () => {
  await rest?.stop();
  await world?.drop();
});

test("a token works in reads and writes from its first use, which it notes; expired, revoked and unknown ones are 401", async () => {
  const fresh = await anApiToken(world, tenant.project_id, "viewer");
  expect((await askPostgrest(rest, fresh, "GET", "runs?select=run_id&limit=1")).status).toBe(200);
  expect((await askPostgrest(rest, fresh, "POST", "rpc/whoami", {})).status).toBe(200); // a stable function: a read-only transaction
  expect((await askPostgrest(rest, await anExecutor(world, tenant), "POST", "rpc/object_stored", { environment_id: tenant.environment_id, sha256: "0".repeat(64) })).body).toBe(false);
  const used = async (token: string) => (await world.owner.query("select last_used_at from ops.api_tokens where token_sha256 = sha256(convert_to($1, 'UTF8'))", [token])).rows[0].last_used_at;
  expect(await used(fresh.token)).toBeNull();
  await askPostgrest(rest, fresh, "POST", "rpc/cancel_run", { run_id: randomUUID() }); // rolled back, and its mark with it
  const operator = await anApiToken(world, tenant.project_id, "admin");
  expect((await askPostgrest(rest, operator, "POST", "rpc/requeue_stale_runs", {})).status).toBe(200);
  expect(await used(operator.token)).not.toBeNull();
  const expired = await anApiToken(world, tenant.project_id, "owner");
  await world.owner.query("update ops.api_tokens set expires_at = now() where token_sha256 = sha256(convert_to($1, 'UTF8'))", [expired.token]);
  const revoked = await anExecutor(world, tenant);
  await world.owner.query("update ops.executor_tokens set revoked_at = now() where executor_id = $1", [revoked.executor_id]);
  for (const token of [expired.token, revoked.token, newToken("lct_").token, newToken("lcx_").token, "lct_", "x", `${fresh.token} `, fresh.token.replace("lct_", "lcx_")]) {
    for (const answer of [await askPostgrest(rest, { token }, "GET", "runs?limit=1"), await askPostgrest(rest, { token }, "POST", "rpc/whoami", {})]) {
      // HTTP trims a header's end: a trailing space is the same token.
      if (token.trim() === fresh.token) expect(answer.status).toBe(200);
      else expect(answer, token.slice(0, 5)).toMatchObject({ status: 401, body: { message: "token_invalid" } });
    }
  }
});

test("a token together with a user's session is refused", async () => {
  expect(await askPostgrest(rest, { token: tenant.api.token, user: tenant.user }, "GET", "runs?limit=1")).toMatchObject({ status: 401, body: { message: "token_invalid" } });
});
