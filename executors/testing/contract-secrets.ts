import { expect } from "vitest";
import { z } from "zod";
import { newPrivateKey, open, publicPart, seal } from "../../contracts/sealing.ts";
import { runSecrets } from "../../contracts/secret.ts";
import { type ContractCalls, nobody } from "./contract-calls.ts";
import { aQueue } from "./live.ts";

/** Keys of an environment, secrets, connections, and what the holder of a lease is given of them. */
export async function secrets({ tenant, executor, well, badly }: ContractCalls) {
  const { environment_id } = tenant;
  const query = { project: tenant.project, environment: "dev" };
  const nowhere = { project: "no-such-project" };
  await badly("put_secret", "conflict", { params: { name: "early" }, body: { value: "no key yet" } });
  const [key, next] = [await newPrivateKey(), await newPrivateKey()];
  await well("add_environment_key", { body: { public_key: publicPart(key) } }, 200);
  await badly("add_environment_key", "invalid_input", { body: { public_key: { ...publicPart(key), d: key.d } } });

  const params = { name: "warehouse_password" };
  expect(await well("put_secret", { params, query, body: { value: "first value" } }, 200)).toMatchObject({ ...params, version: 1, kid: key.kid });
  const sealed = await seal("second value", { environment_id, ...params }, { ...publicPart(key), kid: key.kid });
  expect(await well("put_secret", { params, body: { sealed } }, 200)).toMatchObject({ version: 2 });
  await badly("put_secret", "invalid_input", { params, body: { value: "short" } });
  expect(await well("list_secrets", { query }, 200)).toMatchObject({ items: [{ ...params, used_by: [] }] });
  await badly("list_secrets", "not_found", { query: nowhere });

  const settings = { host: "127.0.0.1", port: 1, database: "d", user: "u", sslmode: "disable" };
  const body = { name: "warehouse", kind: "postgres", settings, secret_name: params.name };
  const { connection_id } = z.object({ connection_id: z.guid() }).parse(await well("create_connection", { body }, 201));
  await badly("create_connection", "conflict", { body });
  await badly("create_connection", "invalid_input", { body: { ...body, name: "other", settings: { ...settings, password: "x" } } });
  const id = { connection_id };
  const unknown = { connection_id: nobody };
  expect(await well("get_connection", { params: id }, 200)).toMatchObject({ ...body, last_test: null, used_by: [] });
  await badly("get_connection", "not_found", { params: unknown });
  expect(await well("list_connections", { query }, 200)).toMatchObject({ items: [body] });
  await badly("list_connections", "not_found", { query: nowhere });
  const changed = { kind: "postgres", settings: { ...settings, port: 2 }, secret_name: params.name };
  expect(await well("change_connection", { params: id, body: changed }, 200)).toMatchObject(changed);
  await badly("change_connection", "not_found", { params: unknown, body: changed });
  const test = z.object({ run_id: z.guid() }).parse(await well("test_connection", { params: id }, 201));
  await badly("test_connection", "not_found", { params: unknown });
  await well("cancel_run", { params: { run_id: test.run_id } }, 200);
  await badly("delete_secret", "conflict", { params });

  const queue = aQueue();
  const spec = { version: 1, name: "asks_warehouse", phases: [{ name: "ask", type: "query", config: { engine: "postgres", connection: "warehouse", sql: "select 1" } }] };
  const { run_id } = z.object({ run_id: z.guid() }).parse(await well("create_run", { body: { spec, queue }, token: tenant.api.token }, 201));
  await badly("create_run", "forbidden", { body: { spec, queue } }); // operators: a connection's own spec is for editors
  const claim = async (wanted: Record<string, unknown>) => z.object({ items: z.array(z.object({ lease_token: z.guid() })).min(1) }).parse(await well("claim_runs", { body: { lease_seconds: 60, ...wanted } }, 200)).items[0]?.lease_token ?? "";
  const headers = { "lease-token": await claim({ queues: [queue] }) };
  const given = runSecrets.parse(await well("get_run_secrets", { params: { run_id }, headers }, 200));
  expect(given.connections).toEqual([body].map((each) => ({ ...each, settings: changed.settings })));
  expect(await open(given.secrets[0]?.sealed ?? "", { environment_id, ...params }, [key])).toBe("second value");
  await badly("get_run_secrets", "lease_lost", { params: { run_id }, headers: { "lease-token": nobody } });
  await badly("reseal_secret", "forbidden", { params: { run_id, ...params }, headers, body: { version: 2, sealed } });
  await well("cancel_run", { params: { run_id } }, 200);

  await well("add_environment_key", { body: { public_key: publicPart(next) } }, 200);
  expect(await well("list_environment_keys", { query }, 200)).toMatchObject({ items: [{ kid: next.kid }, { kid: key.kid }] });
  await badly("list_environment_keys", "not_found", { query: nowhere });
  await badly("retire_environment_key", "conflict", { params: { kid: key.kid } });
  const reseal = z.object({ run_id: z.guid() }).parse(await well("reseal_secrets", { query }, 201));
  await badly("reseal_secrets", "forbidden", { query, token: executor.token });
  const resealing = { "lease-token": await claim({ run_id: reseal.run_id }) };
  const fresh = await seal("second value", { environment_id, ...params }, { ...publicPart(next), kid: next.kid });
  expect(await well("reseal_secret", { params: { run_id: reseal.run_id, ...params }, headers: resealing, body: { version: 2, sealed: fresh } }, 200)).toEqual({ resealed: true });
  await well("cancel_run", { params: { run_id: reseal.run_id } }, 200);
  expect(await well("retire_environment_key", { params: { kid: key.kid } }, 200)).toMatchObject({ kid: key.kid });

  await well("delete_connection", { params: id }, 204);
  await badly("delete_connection", "not_found", { params: id });
  await well("delete_secret", { params }, 204);
}
