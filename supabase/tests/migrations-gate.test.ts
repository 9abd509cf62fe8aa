import { expect, inject, test } from "vitest";
import { appliedOn } from "../../scripts/gate/apply-migrations.ts";
import { lintMigrations, releasedMigrations } from "../../scripts/gate/migrations.ts";
import { aTree, commit, write } from "../../scripts/gate/testing.ts";

// Small histories on the server of the tests: what the gate does to ours takes a server of its own (`npm run gate`).
const schemas = { "supabase/schemas/00_a.sql": "create schema ops; create schema ops_private;\ncreate table ops.a (x int);\n", "supabase/schemas/01_b.sql": "create table ops.b (y int);\n" };
const [first, second] = ["supabase/migrations/20260101000000_create_a.sql", "supabase/migrations/20260202000000_add_b.sql"] as const;
const good = { ...schemas, [first]: "create schema ops; create schema ops_private;\ncreate table ops.a (x int);\n", [second]: "create table ops.b (y int);\n" };
const applied = async (root: string) => (await appliedOn(inject("database_port"), root, releasedMigrations(root))).map(({ rule, file, line }) => `${rule} ${file}:${line}`);

test("a history that makes the schemas passes, from empty and from each release", async () => {
  const root = aTree({ ...schemas, [first]: good[first], "supabase/schemas/01_b.sql": "select 1;\n" });
  commit(root, "v1.0.0");
  write(root, good);
  commit(root, "v1.1.0");
  expect(lintMigrations(root)).toEqual([]);
  expect(releasedMigrations(root).map(({ tag, files }) => `${tag} ${files.size}`)).toEqual(["v1.0.0 1", "v1.1.0 2"]);
  expect(await applied(root)).toEqual([]);
});

test("a migration that fails, from empty or on what a release has, fails with its file and line", async () => {
  expect(await applied(aTree({ ...good, [second]: "create table ops.b (y int);\n\nselect * from ops.nowhere;\n" }))).toEqual([`applies-from-empty ${second}:3`]);
  const root = aTree({ ...good, [first]: "create schema ops; create schema ops_private;\ncreate table ops.a (x int);\ncreate table ops.b (y int);\n" });
  commit(root, "v1.0.0");
  write(root, { [first]: good[first], [second]: "create table ops.b (y int);\n" });
  // Somebody changed what was shipped: right from empty, and wrong for whoever has the release.
  expect(lintMigrations(root).map(({ rule }) => rule)).toEqual(["forward-only"]);
  expect(await applied(root)).toEqual([`applies-from-release ${second}:1`]);
});

test("a history that makes something else than the schemas fails and names the part", async () => {
  expect(await applied(aTree({ ...good, [second]: "create table ops.b (y bigint);\n" }))).toEqual([`history ${second}:1`]);
  expect(await applied(aTree({ ...good, [second]: "create table ops.b (y int, constraint y_is_positive check (y > 0));\n" }))).toEqual([`history ${second}:1`]);
});

test("schemas that do not apply fail with their own file and line", async () => {
  expect(await applied(aTree({ ...good, "supabase/schemas/01_b.sql": "select 1;\ncreate table ops.b (y nothing);\n" }))).toEqual(["schemas supabase/schemas/01_b.sql:2"]);
});
