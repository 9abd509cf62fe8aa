import { expect, test } from "vitest";
import { ofKind, openStored, openUrl } from "./open-connection.ts";

const postgres = { host: "db", port: 5432, database: "d", user: "u", sslmode: "require" };
const http = { url: "https://api.example.test/v2/", auth: "none", user: null, header: null };
const s3 = { endpoint: "https://s3.example.test/", region: "eu-west-1", bucket: "raw", prefix: "in", access_key_id: "AKIA1" };

test("each kind is opened with its secret where that kind has it, and nowhere else", () => {
  expect(openStored("odoo", postgres, "p@ss")).toEqual({ kind: "odoo", url: "postgres://u:p%40ss@db:5432/d?sslmode=no-verify" });
  const headers = (more: object, secret: string | null) => openStored("http", { ...http, ...more }, secret);
  expect(headers({}, null)).toEqual({ kind: "http", url: "https://api.example.test/v2", headers: {} });
  expect(headers({ auth: "bearer" }, "s3cret-word")).toMatchObject({ headers: { authorization: "Bearer s3cret-word" } });
  expect(headers({ auth: "basic", user: "me" }, "s3cret-word")).toMatchObject({ headers: { authorization: `Basic ${btoa("me:s3cret-word")}` } });
  expect(headers({ auth: "header", header: "X-Api-Key" }, "s3cret-word")).toMatchObject({ headers: { "x-api-key": "s3cret-word" } });
  expect(openStored("s3", s3, "s3cret-word")).toEqual({ kind: "s3", settings: { endpoint: "https://s3.example.test", region: "eu-west-1", bucket: "raw", prefix: "in/", access_key_id: "AKIA1", secret_access_key: "s3cret-word", session_token: null } });
});

test("what is not of its kind is not opened: settings of another kind, a secret that is missing, a kind that is not known", () => {
  expect([openStored("http", postgres, null), openStored("s3", s3, null), openStored("http", { ...http, auth: "bearer" }, null), openStored("ftp", http, null), openUrl("ftp://host/x"), openUrl("s3://bucket/x")]).toEqual([null, null, null, null, null, null]);
  const opened = openUrl("https://host.test")!;
  expect(ofKind(opened, "files", ["http", "s3"])).toBe(opened);
  expect(() => ofKind(opened, "files", ["postgres", "odoo"])).toThrow('The connection "files" is of kind http; this phase asks one of kind postgres or odoo.');
});

test("an executor's own variable opens each kind, its secret in the URL", () => {
  expect(openUrl("postgres://u:p@db/d")).toEqual({ kind: "postgres", url: "postgres://u:p@db/d" });
  expect(openUrl("https://me:s3%2Fcret@api.test:8443/v2/")).toEqual({ kind: "http", url: "https://api.test:8443/v2", headers: { authorization: `Basic ${btoa("me:s3/cret")}` } });
  expect(openUrl("https://api.test")).toEqual({ kind: "http", url: "https://api.test", headers: {} });
  expect(openUrl("s3://AKIA1:a%2Fb@raw/in/2024?region=eu-west-1")).toMatchObject({ kind: "s3", settings: { endpoint: "https://s3.eu-west-1.amazonaws.com", bucket: "raw", prefix: "in/2024/", access_key_id: "AKIA1", secret_access_key: "a/b" } });
});
