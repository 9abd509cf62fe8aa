import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { catalogOf, catalogParts } from "../../supabase/tests/support/catalog.ts";
import { applySchemas, PASSWORD, startTestServer } from "../../supabase/tests/support/test-server.ts";
import { withClient } from "../stack/bootstrap.ts";
import { migrate } from "../stack/migrate.ts";
import { databaseUrl } from "../stack/postgres-server.ts";
import type { Finding } from "./gate.ts";
import { migrationFiles, migrationsFolder, type ReleasedMigrations } from "./migrations.ts";

/** Applies the migrations to an empty database and on top of each release, on a PostgreSQL of its own, and compares what they make with the schemas. */
export async function appliedFindings(root: string, released: ReleasedMigrations[]): Promise<Finding[]> {
  const server = await startTestServer({ template: false });
  try {
    return await appliedOn(server.port, root, released);
  } finally {
    await server.stop();
  }
}

/** The same on a server that runs already, whose database `postgres` holds the bootstrap alone. */
export async function appliedOn(port: number, root: string, released: ReleasedMigrations[]): Promise<Finding[]> {
  const newest = migrationFiles(root).at(-1) ?? migrationsFolder;
  const found: Finding[] = [];
  const report = (rule: string, error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    const [, name] = /\b(\d{14}_\w+\.sql)\b/.exec(message) ?? [];
    const [, schema, at] = /\b(supabase\/schemas\/\w+\.sql):(\d+)/.exec(message) ?? [];
    found.push({ rule, file: schema ?? (name === undefined ? newest : `${migrationsFolder}/${name}`), line: Number(at ?? /line (\d+)/.exec(message)?.[1] ?? 1), message });
  };
  const maintenance = databaseUrl(port, "supabase_admin", PASSWORD, "template1");
  const onDatabase = async (rule: string, work: (url: string) => Promise<void>) => {
    const name = `gate_${randomBytes(6).toString("hex")}`;
    await withClient(maintenance, (client) => client.query(`create database ${name} template postgres owner postgres strategy file_copy`));
    await work(databaseUrl(port, "postgres", PASSWORD, name)).catch((error: unknown) => report(rule, error));
    await withClient(maintenance, (client) => client.query(`drop database ${name} with (force)`));
  };
  let wanted: Record<string, string[]> | undefined;
  await onDatabase("schemas", async (url) => {
    await applySchemas(url, root);
    wanted = await catalogOf(url);
  });
  const compare = async (url: string, how: string) => {
    const made = await catalogOf(url);
    for (const part of wanted === undefined ? [] : catalogParts) {
      const missing = wanted![part]!.find((row) => !made[part]!.includes(row));
      const more = made[part]!.find((row) => !wanted![part]!.includes(row));
      if (missing !== undefined || more !== undefined) found.push({ rule: "history", file: newest, line: 1, message: `${how}, the ${part} are not those of supabase/schemas: ${missing === undefined ? `too much: ${more}` : `missing: ${missing}`}`.slice(0, 500) });
    }
  };
  await onDatabase("applies-from-empty", async (url) => {
    await migrate(url, join(root, migrationsFolder), true);
    await compare(url, "Applied from empty");
  });
  for (const { tag, files } of released) {
    const folder = mkdtempSync(join(tmpdir(), "gate-release-"));
    try {
      for (const [file, text] of files) writeFileSync(join(folder, basename(file)), text);
      await onDatabase("applies-from-release", async (url) => {
        await migrate(url, folder, true);
        await migrate(url, join(root, migrationsFolder), true);
        await compare(url, `Applied on top of ${tag}`);
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return found;
}
