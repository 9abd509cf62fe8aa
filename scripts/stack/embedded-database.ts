import { existsSync } from 'node:fs';
import path from 'node:path';
import { applyBootstrap } from './bootstrap.ts';
import type { Context } from './context.ts';
import { migrate } from './migrate.ts';
import { postgresUser } from './os-user.ts';
import { findPostgres } from './postgres-binaries.ts';
import { checkMajor, choosePgdata, initPgdata, pgdataOf } from './postgres-folder.ts';
import { clearLeftovers, databaseUrl, serverCommand, waitForServer } from './postgres-server.ts';
import { runPart, type Part } from './supervise.ts';

export type EmbeddedDatabase = { part: Part; url(login: keyof Context['secrets']['passwords']): string };

/** Starts the embedded PostgreSQL on `port`, and brings its database to the schema of this product. */
export async function startDatabase(context: Context, port: number): Promise<EmbeddedDatabase> {
  const { settings, secrets, terminal } = context;
  const { data_dir, root } = settings;
  const user = postgresUser(pgdataOf(data_dir));
  const binaries = findPostgres(root, user);
  const pgdata = choosePgdata(data_dir, user);
  if (!existsSync(pgdata)) {
    await terminal.step('Database made', () => initPgdata(pgdata, binaries, user, secrets.passwords.supabase_admin));
  }
  checkMajor(pgdata, binaries);
  const url = (login: keyof typeof secrets.passwords) => databaseUrl(port, login, secrets.passwords[login]);
  const log_file = path.join(data_dir, 'logs', 'postgres.log');
  const part = await terminal.step('PostgreSQL', () =>
    runPart('postgres', {
      data_dir,
      install_id: secrets.install_id,
      stop_signal: 'SIGINT',
      patience_ms: 20_000,
      prepare: async () => {
        await clearLeftovers(pgdata);
        return serverCommand({ binaries, user, pgdata, port, log_file, durable: true });
      },
      ready: (child) => waitForServer(url('supabase_admin'), child),
      say: terminal.say,
      stopping: context.stopping,
      lost: context.lost,
    }),
  );
  try {
    await terminal.step('Roles and migrations', async () => {
      const { supabase_admin: _, ...passwords } = secrets.passwords;
      await applyBootstrap(url('supabase_admin'), root, passwords);
      await migrate(url('postgres'), path.join(root, 'supabase/migrations'), true);
    });
  } catch (error) {
    await part.stop();
    throw error;
  }
  return { part, url };
}
