import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { checkSpec } from "../../contracts/check-spec.ts";
import { newPrivateKey, open, publicPart, seal, type PrivateKey } from "../../contracts/sealing.ts";
import { canonicalJson } from "../../contracts/canonical.ts";
import { aClaim, anApiToken, anExecutor, aRequest, aRun, aTenant, call, eventTypes, openWorld, refusal, request, type Caller, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
let executor: { token: string; executor_id: string };
let key: PrivateKey;
let place: { environment_id: string };
beforeAll(async () => {
  world = await openWorld(12);
});
afterAll(() => world?.drop());
beforeEach(async () => {
  tenant = await aTenant(world);
  executor = await anExecutor(world, tenant);
  place = { environment_id: tenant.environment_id };
  key = await newPrivateKey();
  await call(world, tenant.api, "put_environment_key", { ...place, public_key: publicPart(key) });
});

const settings = { host: "db.example.test", port: 5432, database: "odoo", user: "reader", sslmode: "disable" };
const sealed = (name: string, value = "the-value", to = key) => seal(value, { ...place, name }, { ...publicPart(to), kid: to.kid });
const putSecret = async (name: string, value?: string, caller: Caller = tenant.api) => call(world, caller, "put_secret", { ...place, name, sealed: await sealed(name, value) });
const putConnection = (name: string, secret_name: string | null = null) => call(world, tenant.api, "save_connection", { request: { ...place, name, kind: "postgres", settings, secret_name } });
/** The canonical text of a spec whose phases ask these connections. */
function asking(connections: string[], name = "asks"): string {
  const { spec_text, errors } = checkSpec({ version: 1, name, parameters: { type: "object", properties: { from: { type: "string" } } }, phases: connections.map((connection, n) => ({ name: `p${n}`, type: "query", config: { engine: "postgres", connection, sql: "select 1" } })) });
  expect(errors).toEqual([]);
  return spec_text as string;
}

test("the lease holder is given the secrets of the connections that its run names, and no others, as they are sealed", async () => {
  for (const name of ["one", "two", "three"]) await putSecret(`${name}_password`, `value of ${name}`);
  for (const name of ["one", "two", "three"]) await putConnection(name, `${name}_password`);
  await putConnection("open");
  const run_id = await aRun(world, tenant, { spec_text: asking(["one", "${{ parameters.from }}", "open", "nowhere"]), parameters: { from: "Two" } });
  const { lease } = await aClaim(world, executor, { run_id });
  const given = await call(world, executor, "get_run_secrets", lease);
  expect(given.connections.map((each) => [each.name, each.secret_name])).toEqual([["one", "one_password"], ["open", null], ["two", "two_password"]]);
  expect(await Promise.all(given.secrets.map((each) => open(each.sealed, { ...place, name: each.name }, [key])))).toEqual(["value of one", "value of two"]);
  expect(JSON.stringify(given)).not.toContain("value of");
  await call(world, executor, "get_run_secrets", lease);
  expect((await eventTypes(world, run_id)).filter((type) => type === "SECRETS_READ")).toHaveLength(1);
  const { rows } = await world.owner.query("select data from ops.run_events where run_id = $1 and type = 'SECRETS_READ'", [run_id]);
  expect(rows[0].data).toEqual({ attempt: 1, connections: ["one", "open", "two"], secrets: ["one_password", "two_password"] });
});

test("nobody else is given a sealed value: no other executor, no person, no token, no ended lease, no reader of tables", async () => {
  await putSecret("password");
  await putConnection("source", "password");
  const run_id = await aRun(world, tenant, { spec_text: asking(["source"]) });
  const { lease } = await aClaim(world, executor, { run_id });
  expect((await refusal(call(world, await anExecutor(world, tenant), "get_run_secrets", lease))).code).toBe("lease_lost");
  expect((await refusal(call(world, executor, "get_run_secrets", { ...lease, lease_token: run_id }))).code).toBe("lease_lost");
  for (const caller of [tenant.api, { user: tenant.user }]) expect((await refusal(call(world, caller, "get_run_secrets", lease))).code).toBe("forbidden");
  for (const caller of [executor, tenant.api, { user: tenant.user }]) {
    const rows = await request(world, caller, "select to_jsonb(s) as s from ops.secrets as s");
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain("eyJ");
    await expect(request(world, caller, "select sealed from ops_private.sealed_values")).rejects.toMatchObject({ code: "42501" });
  }
  await call(world, tenant.api, "cancel_run", { run_id });
  await world.owner.query("update ops.leases set expires_at = clock_timestamp() - interval '1 second' where run_id = $1", [run_id]);
  expect((await refusal(call(world, executor, "get_run_secrets", lease))).code).toBe("lease_lost");
});

test("a child run is given no more than the specs of all runs above it name", async () => {
  for (const name of ["mine", "theirs"]) {
    await putSecret(`${name}_password`);
    await putConnection(name, `${name}_password`);
  }
  const { lease } = await aClaim(world, executor, { run_id: await aRun(world, tenant, { spec_text: asking(["mine"]) }) });
  await call(world, executor, "start_run", lease);
  await call(world, executor, "set_phase", { ...lease, name: "p0", patch: { status: "running" } });
  const made = await call(world, executor, "create_children", { ...lease, phase: "p0", spec_text: canonicalJson(JSON.parse(asking(["mine", "theirs"]))), children: [{ key: "a", parameters: {} }] });
  const child = await aClaim(world, executor, { run_id: made.items[0]?.run_id as string });
  expect((await call(world, executor, "get_run_secrets", child.lease)).secrets.map((each) => each.name)).toEqual(["mine_password"]);
});

test("who executes a run opens no connection by parameters of its own: a child has its parent's, and an item of the list that the author wrote", async () => {
  for (const name of ["mine", "theirs", "third"]) {
    await putSecret(`${name}_password`);
    await putConnection(name, `${name}_password`);
  }
  const ask = { engine: "postgres", sql: "select 1" };
  const { spec_text, errors } = checkSpec({
    version: 1, name: "fans", parameters: { type: "object", properties: { from: { type: "string" }, place: { type: "string" }, places: { type: "array", items: { type: "string" } } } },
    phases: [
      { name: "one", type: "query", config: { ...ask, connection: "${{ parameters.from }}" } },
      { name: "each", type: "query", depends_on: ["one"], for_each: { parameter: "place", items_from: "places" }, config: { ...ask, connection: "${{ parameters.place }}" } },
    ],
  });
  expect(errors).toEqual([]);
  const parameters = { from: "mine", places: ["third"] };
  const { lease } = await aClaim(world, executor, { run_id: await aRun(world, tenant, { spec_text: spec_text as string, parameters }) });
  await call(world, executor, "start_run", lease);
  for (const [name, status] of [["one", "running"], ["one", "succeeded"], ["each", "running"]] as const) await call(world, executor, "set_phase", { ...lease, name, patch: { status } });
  const make = (phase: string, given: Record<string, unknown>) => call(world, executor, "create_children", { ...lease, phase, spec_text: spec_text as string, children: [{ key: "a", parameters: given }] });
  const attacks: Record<string, unknown>[] = [
    { ...parameters, from: "theirs", place: "third" }, { ...parameters, place: "theirs" }, { ...parameters, place: ["third"] }, { ...parameters, place: null }, parameters,
    { ...parameters, places: ["theirs"], place: "theirs" }, { ...parameters, place: "third", more: 1 }, { place: "third" },
  ];
  for (const given of attacks) expect((await refusal(make("each", given))).code, JSON.stringify(given)).toBe("invalid_input");
  const made = await make("each", { ...parameters, place: "third" });
  const child = await aClaim(world, executor, { run_id: made.items[0]?.run_id as string });
  expect((await call(world, executor, "get_run_secrets", child.lease)).secrets.map((each) => each.name)).toEqual(["mine_password", "third_password"]);
});

test("only a value sealed for this environment and name, to a key in use, is stored", async () => {
  const elsewhere = await aTenant(world);
  const wrong: [string, string][] = [
    ["invalid_input", "no jwe"], ["invalid_input", await sealed("other")], ["invalid_input", await seal("x", { environment_id: elsewhere.environment_id, name: "password" }, { ...publicPart(key), kid: key.kid })],
    ["invalid_input", (await sealed("password")).replace(/^[^.]+/, "bm90IGpzb24")], ["conflict", await sealed("password", "x", await newPrivateKey())],
  ];
  for (const [code, value] of wrong) expect((await refusal(call(world, tenant.api, "put_secret", { ...place, name: "password", sealed: value }))).code, value).toBe(code);
  expect((await refusal(call(world, tenant.api, "put_secret", { ...place, name: "Pass word", sealed: await sealed("Pass word") }))).code).toBe("invalid_input");
  for (const public_key of [{ ...publicPart(key), d: key.d }, { kty: "OKP", crv: "Ed25519", x: key.x }, { kty: "OKP", crv: "X25519", x: "short" }]) {
    expect((await refusal(call(world, tenant.api, "put_environment_key", { ...place, public_key: public_key as never }))).code).toBe("invalid_input");
  }
});

test("a new value is the next version, by twenty writers too, and the audit log holds none of them", async () => {
  expect(await putSecret("password", "first-value")).toMatchObject({ version: 1, kid: key.kid, used_by: [] });
  const versions = await Promise.all(Array.from({ length: 20 }, async (_, n) => (await putSecret("password", `value ${n}`)).version));
  expect(versions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 2));
  const { rows } = await world.owner.query("select action, before, after from ops.audit_log where project_id = $1 and object_type = 'secret' order by audit_id", [tenant.project_id]);
  expect(rows).toHaveLength(21);
  expect(JSON.stringify(rows)).not.toMatch(/value|eyJ/);
});

test("with two keys values of both open; resealed values keep their version; a key retires when nothing is sealed to it", async () => {
  await putSecret("kept");
  await putSecret("replaced");
  const next = await newPrivateKey();
  await call(world, tenant.api, "put_environment_key", { ...place, public_key: publicPart(next) });
  expect((await refusal(call(world, tenant.api, "retire_environment_key", { ...place, kid: key.kid }))).code).toBe("conflict");
  const run = await call(world, tenant.api, "reseal_secrets", place);
  const { lease } = await aClaim(world, executor, { run_id: run.run_id });
  const given = await call(world, executor, "get_run_secrets", lease);
  expect(given.secrets.map((each) => each.name)).toEqual(["kept", "replaced"]);
  expect(given.active_key).toEqual({ ...publicPart(next), kid: next.kid });
  await putSecret("replaced", "meanwhile");
  expect(await call(world, executor, "reseal_secret", { ...lease, name: "kept", version: 1, sealed: await sealed("kept", "the-value", next) })).toBe(true);
  expect(await call(world, executor, "reseal_secret", { ...lease, name: "replaced", version: 1, sealed: await sealed("replaced", "the-value", next) })).toBe(false);
  const secrets = await call(world, tenant.api, "list_secrets", place);
  expect(secrets.map(({ name, version, kid }) => [name, version, kid])).toEqual([["kept", 1, next.kid], ["replaced", 2, key.kid]]);
  await call(world, tenant.api, "delete_secret", { ...place, name: "replaced" });
  expect(await call(world, tenant.api, "retire_environment_key", { ...place, kid: key.kid })).toMatchObject({ retired_at: expect.any(String) });
  expect((await refusal(putSecret("late"))).code).toBe("conflict");
  expect((await refusal(call(world, tenant.api, "put_environment_key", { ...place, public_key: publicPart(key) }))).code).toBe("conflict");
});

test("a run that was not made to reseal, or a child of one that was, seals nothing", async () => {
  await putSecret("password");
  const { lease } = await aClaim(world, executor, { run_id: await aRun(world, tenant, { spec_text: asking(["source"]) }) });
  expect((await refusal(call(world, executor, "reseal_secret", { ...lease, name: "password", version: 1, sealed: await sealed("password", "evil-value") }))).code).toBe("forbidden");
});

test("nobody but the control room itself makes a run that is given every secret, and only admins repeat one", async () => {
  await putSecret("password");
  const spec_text = checkSpec({ version: 1, name: "mine", phases: [{ name: "reseal", type: "reseal" }] }).spec_text as string;
  const { request: own } = aRequest(tenant, { spec_text });
  expect((await refusal(call(world, tenant.api, "create_run", { request: own }))).code).toBe("invalid_spec");
  expect((await call(world, tenant.api, "create_runs", { requests: [own] })).items).toMatchObject([{ ok: false, error: { code: "invalid_spec" } }]);
  expect((await refusal(call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text }))).code).toBe("invalid_spec");
  const { lease } = await aClaim(world, executor, { run_id: await aRun(world, tenant, { spec_text: asking(["source"]) }) });
  await call(world, executor, "start_run", lease);
  await call(world, executor, "set_phase", { ...lease, name: "p0", patch: { status: "running" } });
  expect((await refusal(call(world, executor, "create_children", { ...lease, phase: "p0", spec_text, children: [{ key: "a", parameters: {} }] }))).code).toBe("invalid_spec");
  const { run_id } = await call(world, tenant.api, "reseal_secrets", place);
  await call(world, tenant.api, "cancel_run", { run_id });
  const operator = await anApiToken(world, tenant.project_id, "operator");
  expect((await refusal(call(world, operator, "retry_run", { run_id }))).code).toBe("forbidden");
  expect((await call(world, tenant.api, "retry_run", { run_id })).status).toBe("queued");
});

test("a test of a connection is a run with a canonical spec, and its result goes with the settings that it tested", async () => {
  const { connection_id } = await putConnection("source");
  const run = await call(world, tenant.api, "test_connection", { connection_id });
  expect(run).toMatchObject({ status: "queued", priority: 0, max_attempts: 1 });
  const { rows } = await world.owner.query("select spec_text from ops.specs where spec_sha256 = $1", [run.spec_sha256]);
  expect(checkSpec(JSON.parse(rows[0].spec_text))).toMatchObject({ errors: [], sha256: run.spec_sha256 });
  expect((await call(world, tenant.api, "get_connection", { connection_id })).last_test).toMatchObject({ run_id: run.run_id, status: "queued" });
  const odoo = await call(world, tenant.api, "save_connection", { request: { connection_id, kind: "odoo", settings, secret_name: null } });
  expect(odoo.last_test).toBeNull();
  const again = await call(world, tenant.api, "test_connection", { connection_id });
  expect(checkSpec(JSON.parse((await world.owner.query("select spec_text from ops.specs where spec_sha256 = $1", [again.spec_sha256])).rows[0].spec_text))).toMatchObject({ errors: [], sha256: again.spec_sha256 });
  const reseal = await call(world, tenant.api, "reseal_secrets", place);
  expect(checkSpec(JSON.parse((await world.owner.query("select spec_text from ops.specs where spec_sha256 = $1", [reseal.spec_sha256])).rows[0].spec_text))).toMatchObject({ errors: [], sha256: reseal.spec_sha256 });
});

test("what is used is not deleted: a secret by a connection, a connection by a pipeline", async () => {
  await putSecret("password");
  const { connection_id } = await putConnection("source", "password");
  expect((await refusal(call(world, tenant.api, "delete_secret", { ...place, name: "password" }))).code).toBe("conflict");
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: asking(["source"]) });
  expect(await call(world, tenant.api, "list_connections", place)).toMatchObject([{ name: "source", used_by: ["asks"], secret_name: "password" }]);
  expect((await refusal(call(world, tenant.api, "delete_connection", { connection_id }))).code).toBe("conflict");
  const byDefault = checkSpec({ ...(JSON.parse(asking(["${{ parameters.from }}"])) as object), parameters: { type: "object", properties: { from: { type: "string", default: "source" } } } }).spec_text as string;
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: byDefault });
  expect((await refusal(call(world, tenant.api, "delete_connection", { connection_id }))).code).toBe("conflict");
  await call(world, tenant.api, "save_template", { project_id: tenant.project_id, spec_text: asking(["another"]) });
  expect(await call(world, tenant.api, "delete_connection", { connection_id })).toBe(true);
  expect(await call(world, tenant.api, "delete_secret", { ...place, name: "password" })).toBe(true);
});

test("settings are those of the kind and hold no password; a connection names a secret of its own environment", async () => {
  const wrong: Record<string, unknown>[] = [{ ...settings, password: "x" }, { ...settings, host: "a b" }, { ...settings, port: 0 }, { ...settings, port: "5432" }, { ...settings, user: "" }, { ...settings, sslmode: "prefer" }, {}];
  for (const each of wrong) expect((await refusal(call(world, tenant.api, "save_connection", { request: { ...place, name: "source", kind: "postgres", settings: each } }))).code, JSON.stringify(each)).toBe("invalid_input");
  await expect(refusal(putConnection("source", "missing"))).resolves.toMatchObject({ code: "invalid_input" });
  await putConnection("source");
  expect((await refusal(putConnection("source"))).code).toBe("conflict");
});

test("viewers see names, operators test, editors write what is asked, only admins write secrets and say where a connection leads", async () => {
  await putSecret("password");
  const { connection_id } = await putConnection("source", "password");
  const [viewer, operator, editor] = await Promise.all(["viewer", "operator", "editor"].map((role) => anApiToken(world, tenant.project_id, role))) as [Caller, Caller, Caller];
  expect(await call(world, viewer, "list_secrets", place)).toHaveLength(1);
  expect(await call(world, viewer, "list_connections", place)).toHaveLength(1);
  expect((await refusal(call(world, viewer, "test_connection", { connection_id }))).code).toBe("forbidden");
  expect((await call(world, operator, "test_connection", { connection_id })).status).toBe("queued");
  const { request: own } = aRequest(tenant, { spec_text: asking(["source"]) });
  expect((await refusal(call(world, operator, "create_run", { request: own }))).code).toBe("forbidden");
  expect((await call(world, operator, "create_runs", { requests: [own] })).items).toMatchObject([{ ok: false, error: { code: "forbidden" } }]);
  expect((await call(world, editor, "create_run", { request: own })).run.status).toBe("queued");
  const attempts = (caller: Caller) => [
    () => putSecret("password", "stolen-value", caller), () => call(world, caller, "delete_secret", { ...place, name: "password" }), () => call(world, caller, "put_environment_key", { ...place, public_key: publicPart(key) }),
    () => call(world, caller, "retire_environment_key", { ...place, kid: key.kid }), () => call(world, caller, "reseal_secrets", place),
    () => call(world, caller, "save_connection", { request: { connection_id, kind: "postgres", settings: { ...settings, host: "evil.example.test" }, secret_name: "password" } }), () => call(world, caller, "delete_connection", { connection_id }),
  ];
  for (const caller of [editor, executor]) for (const attempt of attempts(caller)) expect((await refusal(attempt())).code).toBe("forbidden");
});
