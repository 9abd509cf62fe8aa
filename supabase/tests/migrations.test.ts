import { randomBytes } from "node:crypto";
import path from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { withClient } from "../../scripts/stack/bootstrap.ts";
import { listMigrations } from "../../scripts/stack/migrate.ts";
import { databaseUrl } from "../../scripts/stack/postgres-server.ts";
import { catalogOf, catalogParts } from "./support/catalog.ts";
import { createDatabase, type TestDatabase } from "./support/database.ts";
import { applySchemas, PASSWORD, ROOT } from "./support/test-server.ts";

const present = `test_present_${randomBytes(6).toString("hex")}`;
const url = (login: string, database: string) => databaseUrl(inject("database_port"), login, PASSWORD, database);
const maintenance = () => url("supabase_admin", "template1");
let migrated: TestDatabase;

beforeAll(async () => {
  migrated = await createDatabase({ connections: 1 });
  // `postgres` holds the bootstrap and nothing of ours.
  await withClient(maintenance(), (client) => client.query(`create database ${present} template postgres owner postgres strategy file_copy`));
  await applySchemas(url("postgres", present));
});
afterAll(async () => {
  await migrated?.drop();
  await withClient(maintenance(), (client) => client.query(`drop database if exists ${present} with (force)`));
});

test("a database made by the migrations equals one made from the schemas", async () => {
  expect(listMigrations(path.join(ROOT, "supabase/migrations")).length).toBeGreaterThan(0);
  const [history, now] = [await catalogOf(migrated.url), await catalogOf(url("postgres", present))];
  for (const part of catalogParts) {
    expect(now[part]?.length, part).toBeGreaterThan(1);
    expect(history[part], part).toEqual(now[part]);
  }
});
