import { expect, test } from "vitest";
import { readSettings } from "./settings.ts";

const good = { CONTROL_ROOM_URL: "http://127.0.0.1:3000", CONTROL_ROOM_TOKEN: `lcx_${"a".repeat(43)}`, CONTROL_ROOM_LAKE: "file:/tmp/lake/" };

test("what is not set has a default, and an empty variable is not set", () => {
  expect(readSettings({ ...good, EXECUTOR_SLOTS: "", EXECUTOR_QUEUES: "a, b" })).toMatchObject({ lake: "file:/tmp/lake", slots: 1, lease_seconds: 30, queues: ["a", "b"], engines: ["duckdb", "postgres"], labels: ["engine:duckdb", "engine:postgres", "runtime:long", "memory:large"], scratch: null });
});

test("connections are named in lower case", () => {
  expect([...readSettings({ ...good, CONTROL_ROOM_CONNECTION_ODOO_LIVE: "postgres://x" }).connections]).toEqual([["odoo_live", "postgres://x"]]);
});

test("every wrong or missing variable is named, no value is shown", () => {
  const secret = "lct_secret";
  expect(() => readSettings({ CONTROL_ROOM_URL: "ftp://x", CONTROL_ROOM_TOKEN: secret, LEASE_SECONDS: "0" })).toThrow(/CONTROL_ROOM_URL is not an http\(s\) URL; CONTROL_ROOM_TOKEN is not an executor's token.*CONTROL_ROOM_LAKE is missing; LEASE_SECONDS/);
  try { readSettings({ CONTROL_ROOM_TOKEN: secret }); } catch (error) { expect(String(error)).not.toContain(secret); }
});
