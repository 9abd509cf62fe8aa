import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { catalogOf, catalogParts } from "../../supabase/tests/support/catalog.ts";
import { applySchemas, PASSWORD, startTestServer, TEMPLATE } from "../../supabase/tests/support/test-server.ts";
import { withClient } from "../stack/bootstrap.ts";
import { migrate } from "../stack/migrate.ts";
import { databaseUrl } from "../stack/postgres-server.ts";
import type { Finding } from "./gate.ts";
import { migrationFiles, migrationsFolder, type ReleasedMigrations } from "./migrations.ts";

/** Applies the migrations to an empty database and on top of each release, on a PostgreSQL of its own, and compares what they make with the schemas. */
export async function appliedFindings(root: string, released: ReleasedMigrations[]): Promise<Finding[]> {
  const newest = migrationFiles(root).at(-1) ?? migrationsFolder;
  const failure = (rule: string, error: unknown): Finding => {
    const message = error instanceof Error ? error.message : String(error);
    return { rule, file: newest, line: Number(/line (\d+)/.exec(message)?.[1] ?? 1), message };
  };
  let server;
  try {
    server = await startTestServer(); // its template is the migrations, applied to an empty database
  } catch (error) {
    return [failure("applies-from-empty", error)];
  }
  const { port } = server;
  const url = (database: string) => databaseUrl(port, "postgres", PASSWORD, database);
  const create = async (name: string) => {
    await withClient(databaseUrl(port, "supabase_admin", PASSWORD, "template1"), (client) => client.query(`create database ${name} template postgres owner postgres strategy file_copy`));
    return url(name);
  };
  try {
    const found: Finding[] = [];
    const present = await create("gate_present");
    await applySchemas(present);
    const wanted = await catalogOf(present);
    const compare = async (name: string, how: string) => {
      const made = await catalogOf(url(name));
      for (const part of catalogParts) {
        const missing = wanted[part]!.find((row) => !made[part]!.includes(row));
        const more = made[part]!.find((row) => !wanted[part]!.includes(row));
        if (missing !== undefined || more !== undefined) found.push({ rule: "history", file: newest, line: 1, message: `${how}, the ${part} are not those of supabase/schemas: ${missing === undefined ? `too much: ${more}` : `missing: ${missing}`}`.slice(0, 500) });
      }
    };
    await compare(TEMPLATE, "Applied from empty");
    for (const [index, { tag, files }] of released.entries()) {
      const name = `gate_release_${index}`;
      const folder = mkdtempSync(join(tmpdir(), "gate-release-"));
      try {
        mkdirSync(folder, { recursive: true });
        for (const [file, text] of files) writeFileSync(join(folder, basename(file)), text);
        const target = await create(name);
        await migrate(target, folder, true);
        await migrate(target, join(root, migrationsFolder), true);
        await compare(name, `Applied on top of ${tag}`);
      } catch (error) {
        found.push(failure("applies-from-release", error));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    return found;
  } finally {
    await server.stop();
  }
}
