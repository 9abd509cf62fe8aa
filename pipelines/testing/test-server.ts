import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { makeFolderOf, postgresUser } from '../../scripts/stack/os-user.ts';
import { anyFreePort } from '../../scripts/stack/ports.ts';
import { findPostgres } from '../../scripts/stack/postgres-binaries.ts';
import { initPgdata } from '../../scripts/stack/postgres-folder.ts';
import { databaseUrl, serverCommand } from '../../scripts/stack/postgres-server.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const PASSWORD = 'of a test server';
const READY_MS = 30_000;

export interface TestServer {
  /** The login `postgres` of the product: no superuser, may create databases and roles. */
  admin_url: string;
  superuser_url(database: string): string;
  stop(): Promise<void>;
}

/** A server of its own in a temporary folder, with the two logins of the embedded database. `settings` go before those of the product. A standby follows nobody and can only be read, by the superuser. */
export async function startTestServer(settings: Record<string, string> = {}, standby = false): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'pipelines-'));
  chmodSync(folder, 0o755);
  const user = postgresUser(null);
  const pgdata = join(folder, 'server', 'pgdata');
  makeFolderOf(user, join(folder, 'server'));
  const binaries = findPostgres(root, user);
  await initPgdata(pgdata, binaries, user, PASSWORD);
  if (standby) writeFileSync(join(pgdata, 'standby.signal'), '');
  const port = await anyFreePort();
  const command = serverCommand({ binaries, user, pgdata, port, log_file: join(folder, 'log'), durable: false });
  const child = spawn(command.command, [...command.args, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])], {
    cwd: command.cwd,
    env: { ...command.env, NODE_ENV: 'test' },
    stdio: 'ignore',
    ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
  });
  const exited = once(child, 'exit');
  const superuser_url = (database: string): string => databaseUrl(port, 'supabase_admin', PASSWORD, database);
  const stop = async (): Promise<void> => {
    child.kill('SIGINT');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await untilItAnswers(superuser_url('postgres'));
    if (!standby) await query(superuser_url('postgres'), `create role postgres login createdb createrole bypassrls password '${PASSWORD}'`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { admin_url: databaseUrl(port, 'postgres', PASSWORD), superuser_url, stop };
}

async function untilItAnswers(url: string): Promise<void> {
  for (const deadline = Date.now() + READY_MS; ; ) {
    try {
      await query(url, 'select 1');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** One query on a connection of its own. */
export async function query<Row extends pg.QueryResultRow>(url: string, sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, query_timeout: 120_000 });
  client.on('error', () => {}); // the running query reports it
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
