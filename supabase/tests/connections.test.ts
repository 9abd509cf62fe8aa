import { afterAll, beforeAll, expect, test } from "vitest";
import { createConnectionRequest, type ConnectionKind } from "../../contracts/connection.ts";
import { newPrivateKey, publicPart, seal } from "../../contracts/sealing.ts";
import { aTenant, call, openWorld, refusal, type Tenant, type World } from "./world.ts";

let world: World;
let tenant: Tenant;
beforeAll(async () => {
  world = await openWorld(4);
  tenant = await aTenant(world);
  const { environment_id } = tenant;
  const key = await newPrivateKey();
  await call(world, tenant.api, "put_environment_key", { environment_id, public_key: publicPart(key) });
  await call(world, tenant.api, "put_secret", { environment_id, name: "key", sealed: await seal("the-value", { environment_id, name: "key" }, { ...publicPart(key), kid: key.kid }) });
});
afterAll(() => world?.drop());

type Given = { kind: ConnectionKind; settings: Record<string, unknown>; secret_name?: string | null };
const save = (name: string, given: Given) => call(world, tenant.api, "save_connection", { request: { environment_id: tenant.environment_id, name, secret_name: null, ...given } });

const postgres = { host: "db", port: 5432, database: "d", user: "u", sslmode: "require" };
const http = { url: "https://api.example.test/v2/", auth: "none", user: null, header: null };
const s3 = { endpoint: "https://s3.example.test/", region: "eu-west-1", bucket: "raw", prefix: "in", access_key_id: "AKIA1" };
const long = "x".repeat(2000);
const wrong: [string, Given][] = [
  ["a password in a URL", { kind: "http", settings: { ...http, url: "https://u:p@api.test" } }], ["a query", { kind: "http", settings: { ...http, url: "https://api.test/?key=1" } }], ["a fragment", { kind: "http", settings: { ...http, url: "https://api.test/#x" } }],
  ["another scheme", { kind: "http", settings: { ...http, url: "file:///etc/passwd" } }], ["a line break", { kind: "http", settings: { ...http, url: "https://api.test/\r\nX: 1" } }],
  ["a header that splits", { kind: "http", settings: { ...http, auth: "header", header: "x\r\ny" }, secret_name: "key" }], ["the client's own header", { kind: "http", settings: { ...http, auth: "header", header: "Host" }, secret_name: "key" }],
  ["basic without a user", { kind: "http", settings: { ...http, auth: "basic" }, secret_name: "key" }], ["a user with a colon", { kind: "http", settings: { ...http, auth: "basic", user: "a:b" }, secret_name: "key" }],
  ["a secret that is never sent", { kind: "http", settings: http, secret_name: "key" }], ["no secret to send", { kind: "http", settings: { ...http, auth: "bearer" } }],
  ["a bucket with a slash", { kind: "s3", settings: { ...s3, bucket: "a/b" }, secret_name: "key" }], ["a prefix that climbs", { kind: "s3", settings: { ...s3, prefix: "a/../b" }, secret_name: "key" }], ["a prefix from the root", { kind: "s3", settings: { ...s3, prefix: "/a" }, secret_name: "key" }],
  ["a bucket without a key", { kind: "s3", settings: s3 }], ["settings of another kind", { kind: "s3", settings: postgres, secret_name: "key" }], ["a key among the settings", { kind: "s3", settings: { ...s3, secret_access_key: "x" }, secret_name: "key" }],
  ["an address too long", { kind: "http", settings: { ...http, url: `https://api.test/${long}` } }], ["a number for a text", { kind: "s3", settings: { ...s3, region: 1 }, secret_name: "key" }], ["a prefix with a control character", { kind: "s3", settings: { ...s3, prefix: "a\u0001b" }, secret_name: "key" }],
  ["an auth that is not known", { kind: "http", settings: { ...http, auth: "digest" }, secret_name: "key" }], ["a host with an underscore and a space", { kind: "http", settings: { ...http, url: "https://a b" } }], ["no settings", { kind: "http", settings: {} }],
];
test.each(wrong)("contract and database both refuse a connection with %s", async (_, given) => {
  expect(createConnectionRequest.safeParse({ name: "files", ...given }).success).toBe(false);
  expect((await refusal(save("files", given))).code).toBe("invalid_input");
});

const good: [string, Given][] = [
  ["an address of its own network", { kind: "http", settings: { ...http, url: "http://[::1]:8080" } }], ["a header", { kind: "http", settings: { ...http, auth: "header", header: "X-Api-Key" }, secret_name: "key" }], ["a user", { kind: "http", settings: { ...http, auth: "basic", user: "me" }, secret_name: "key" }],
  ["a token", { kind: "http", settings: { ...http, auth: "bearer" }, secret_name: "key" }], ["a bucket", { kind: "s3", settings: s3, secret_name: "key" }], ["a bucket's dots", { kind: "s3", settings: { ...s3, prefix: "a..b/.hidden/…", bucket: "a.b-c" }, secret_name: "key" }], ["a database", { kind: "odoo", settings: postgres }],
];
test.each(good)("contract and database both take a connection with %s, as it is", async (name, given) => {
  expect(createConnectionRequest.safeParse({ name: "files", ...given }).error).toBeUndefined();
  expect(await save(name.replaceAll(/[^a-z]/g, "_"), given)).toMatchObject(given);
});
