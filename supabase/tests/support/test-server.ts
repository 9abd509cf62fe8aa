import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { isRunning, startedAt } from "../../../scripts/lock-holder.mjs";
import { applyBootstrap, withClient } from "../../../scripts/stack/bootstrap.ts";
import { endChild, startChild } from "../../../scripts/stack/child.ts";
import { listMigrations, migrate } from "../../../scripts/stack/migrate.ts";
import { postgresUser } from "../../../scripts/stack/os-user.ts";
import { anyFreePort } from "../../../scripts/stack/ports.ts";
import { findPostgres } from "../../../scripts/stack/postgres-binaries.ts";
import { choosePgdata, initPgdata, pgdataOf, removePgdata } from "../../../scripts/stack/postgres-folder.ts";
import { clearLeftovers, databaseUrl, serverCommand, waitForServer } from "../../../scripts/stack/postgres-server.ts";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Of every login on the test server, which listens on 127.0.0.1 and dies with the test run. */
export const PASSWORD = "only-for-tests";
export const LOGINS = ["postgres", "authenticator", "supabase_auth_admin", "ops_listener"] as const;

/** Migrated, never connected to: databases of tests are copies of it. */
export const TEMPLATE = "control_room_template";

const FOLDER_PREFIX = "control-room-tests-";

export type TestServer = { port: number; folder: string; stop(): Promise<void> };

/** Starts a PostgreSQL server on a free port, with `TEMPLATE` holding the present schema, unless that is not wanted: `postgres` then holds the bootstrap alone. */
export async function startTestServer({ template = true }: { template?: boolean } = {}): Promise<TestServer> {
  await clearKilledRuns();
  const folder = mkdtempSync(path.join(tmpdir(), FOLDER_PREFIX));
  chmodSync(folder, 0o711); // as root another user runs Postgres, and must enter
  mkdirSync(path.join(folder, "logs"));
  writeFileSync(path.join(folder, "owner.json"), JSON.stringify({ pid: process.pid, started: startedAt(process.pid) }));
  const user = postgresUser(null);
  const binaries = findPostgres(ROOT, user);
  const pgdata = choosePgdata(folder, user);
  const port = await anyFreePort();
  const log_file = path.join(folder, "logs/postgres.log");
  await initPgdata(pgdata, binaries, user, PASSWORD);
  const child = await startChild(serverCommand({ binaries, user, pgdata, port, log_file, durable: false }));
  const stop = async () => {
    await endChild(child, "SIGQUIT", 10_000); // its data is removed anyway
    removePgdata(folder);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const superuser = databaseUrl(port, "supabase_admin", PASSWORD);
    await waitForServer(superuser, child);
    if (child.hasExited()) throw new Error(`the test server ended early:\n${readFileSync(log_file, "utf8")}`);
    await applyBootstrap(superuser, ROOT, Object.fromEntries(LOGINS.map((login) => [login, PASSWORD])));
    if (template) await makeTemplate(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, folder, stop };
}

async function makeTemplate(port: number): Promise<void> {
  // A copy needs a source that nobody is connected to: `postgres` holds the bootstrap, template1 does the copying.
  await withClient(databaseUrl(port, "supabase_admin", PASSWORD, "template1"), (client) =>
    client.query(`create database ${TEMPLATE} template postgres owner postgres strategy file_copy`),
  );
  const target = databaseUrl(port, "postgres", PASSWORD, TEMPLATE);
  const migrations = path.join(ROOT, "supabase/migrations");
  if (listMigrations(migrations).length > 0) await migrate(target, migrations, true);
  else await applySchemas(target);
}

/** The present schema, as `supabase/schemas` states it. Throws with file and line. */
export async function applySchemas(url: string, root = ROOT): Promise<void> {
  const folder = path.join(root, "supabase/schemas");
  await withClient(url, async (client) => {
    for (const name of readdirSync(folder).sort()) {
      if (!name.endsWith(".sql")) continue;
      const sql = readFileSync(path.join(folder, name), "utf8");
      try {
        await client.query(sql);
      } catch (error) {
        const { message, position } = error as { message: string; position?: string };
        const line = position === undefined ? "?" : sql.slice(0, Number(position)).split("\n").length;
        throw new Error(`supabase/schemas/${name}:${line}: ${message}`, { cause: error });
      }
    }
  });
}

/** A test run that was killed leaves its server and folder; the next one removes them. */
async function clearKilledRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const folder = path.join(tmpdir(), name);
    try {
      if (process.getuid !== undefined && statSync(folder).uid !== process.getuid()) continue;
      if (isRunning(JSON.parse(readFileSync(path.join(folder, "owner.json"), "utf8")))) continue;
    } catch {
      continue; // just being made, or being removed
    }
    await clearLeftovers(pgdataOf(folder));
    removePgdata(folder);
    rmSync(folder, { recursive: true, force: true });
  }
}
