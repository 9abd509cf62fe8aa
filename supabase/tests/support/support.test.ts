import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDatabase, type TestDatabase } from "./database.ts";
import { startPostgrest, type TestPostgrest } from "./postgrest.ts";
import { signRoleToken, signUserToken } from "./tokens.ts";

let database: TestDatabase;
let rest: TestPostgrest;

beforeAll(async () => {
  database = await createDatabase();
  await database.query("create function public.who() returns jsonb language sql as $$ select jsonb_build_object('uid', auth.uid(), 'role', current_user) $$");
  rest = await startPostgrest(database.urlOf("authenticator"));
});

afterAll(async () => {
  await rest?.stop();
  await database?.drop();
});

test("the owner is the login postgres, no superuser, and not held by row level security", async () => {
  const [row] = await database.query("select current_user::text as name, rolsuper, rolbypassrls from pg_roles where rolname = current_user");
  expect(row).toEqual({ name: "postgres", rolsuper: false, rolbypassrls: true });
});

test("a caller has its role, its claims and the session of authenticator", async () => {
  const user_id = randomUUID();
  const rows = await database.as({ role: "authenticated", claims: { sub: user_id } }, (query) =>
    query("select current_user::text as role, session_user::text as login, auth.uid() as uid, auth.role() as claimed"),
  );
  expect(rows).toEqual([{ role: "authenticated", login: "authenticator", uid: user_id, claimed: "authenticated" }]);
});

test("what a rejected caller wrote is rolled back", async () => {
  await database.query("create table public.marks (id int); ");
  await database.query("grant insert on public.marks to authenticated");
  const failing = database.as({ role: "authenticated" }, async (query) => {
    await query("insert into public.marks values (1)");
    await query("select 1 / 0");
  });
  await expect(failing).rejects.toMatchObject({ code: "22012" });
  expect(await database.query("select * from public.marks")).toEqual([]);
});

test("PostgREST takes a user's token and a role's token, and refuses one signed by another key", async () => {
  const user_id = randomUUID();
  const call = async (token: string) => {
    const answer = await fetch(`${rest.url}/rpc/who`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-profile": "public" },
      signal: AbortSignal.timeout(10_000),
    });
    return { status: answer.status, body: (await answer.json()) as unknown };
  };
  const token = await signUserToken(user_id);
  expect(await call(token)).toEqual({ status: 200, body: { uid: user_id, role: "authenticated" } });
  expect(await call(await signRoleToken("anon"))).toEqual({ status: 200, body: { uid: null, role: "anon" } });
  const [head, , signature] = token.split(".");
  const forged = Buffer.from(JSON.stringify({ role: "service_role" })).toString("base64url");
  expect((await call(`${head}.${forged}.${signature}`)).status).toBe(401);
});

test("databases of two tests do not see each other, and eight copies can be asked for at once", async () => {
  const others = await Promise.all(Array.from({ length: 8 }, () => createDatabase({ connections: 1 })));
  await others[0]?.query("create table public.mine (id int)");
  const seen = await Promise.all(others.map((other) => other.query("select to_regclass('public.mine') is not null as there")));
  expect(seen.flat().filter((row) => row.there)).toHaveLength(1);
  await Promise.all(others.map((other) => other.drop()));
});
