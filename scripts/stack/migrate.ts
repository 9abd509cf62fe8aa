import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type pg from 'pg';
import { withClient } from './bootstrap.ts';
import { StackError } from './stack-error.ts';

export type Migration = { version: string; name: string; file: string };

const FILE_NAME = /^(\d+)_(.+)\.sql$/;
/** Any fixed number: two starts against one hosted database migrate one after the other. */
const LOCK_KEY = 7_204_431;

export function listMigrations(folder: string): Migration[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((file) => ({ file: path.join(folder, file), match: FILE_NAME.exec(file) }))
    .filter((entry) => entry.match !== null)
    .map(({ file, match }) => ({ file, version: match?.[1] ?? '', name: match?.[2] ?? '' }))
    .sort((a, b) => (a.version < b.version ? -1 : a.version > b.version ? 1 : 0));
}

/**
 * Applies what is missing, in order, each file in one transaction, and records it as the Supabase CLI does. `url` is
 * that of the login `postgres`. With `owns_history` a version that this product does not know is refused as
 * `schema_newer`; on a hosted database the history may hold migrations of others.
 */
export async function migrate(url: string, folder: string, owns_history: boolean): Promise<Migration[]> {
  const migrations = listMigrations(folder);
  return withClient(url, async (client) => {
    // One implicit transaction. "if not exists" alone is no guard: two that look at once both create, and one fails.
    await client.query(`
      select pg_advisory_xact_lock(${LOCK_KEY});
      create schema if not exists supabase_migrations;
      create table if not exists supabase_migrations.schema_migrations (
        version text not null primary key, statements text[], name text
      )`);
    const known = new Set(migrations.map((migration) => migration.version));
    const unknown = [...(await appliedVersions(client))].filter((version) => !known.has(version));
    if (owns_history && unknown.length > 0) {
      throw new StackError(
        'schema_newer',
        `The database was made by a newer version of this product: it has the migrations ${unknown.join(', ')}.`,
        'Update the checkout (`git pull`), or set CONTROL_ROOM_DATA_DIR to another folder.',
      );
    }
    const applied: Migration[] = [];
    const before = await appliedVersions(client);
    for (const migration of migrations) {
      if (before.has(migration.version)) continue;
      if (await applyOne(client, migration)) applied.push(migration);
    }
    return applied;
  });
}

async function appliedVersions(client: pg.Client): Promise<Set<string>> {
  const { rows } = await client.query<{ version: string }>('select version from supabase_migrations.schema_migrations order by version');
  return new Set(rows.map((row) => row.version));
}

async function applyOne(client: pg.Client, migration: Migration): Promise<boolean> {
  const sql = readFileSync(migration.file, 'utf8');
  await client.query('reset all'); // what a migration set must not leak into the next one
  await client.query('set statement_timeout = 0');
  await client.query('begin');
  try {
    await client.query('select pg_advisory_xact_lock($1)', [LOCK_KEY]);
    if ((await appliedVersions(client)).has(migration.version)) {
      await client.query('rollback');
      return false; // another start was faster
    }
    await client.query(sql);
    await client.query('insert into supabase_migrations.schema_migrations (version, statements, name) values ($1, $2, $3)', [
      migration.version,
      [sql],
      migration.name,
    ]);
    await client.query('commit');
    return true;
  } catch (error) {
    await client.query('rollback').catch(() => {}); // the first error is the one to report
    throw migrationFailure(error, migration, sql);
  }
}

function migrationFailure(error: unknown, migration: Migration, sql: string): StackError {
  const { message, position, code } = error as pg.DatabaseError;
  const line = position === undefined ? '' : `, line ${sql.slice(0, Number(position)).split('\n').length}`;
  return new StackError(
    'migration_failed',
    `Migration ${path.basename(migration.file)}${line}: ${message}${code ? ` (SQLSTATE ${code})` : ''}. Nothing of it was kept.`,
    'Restore the released version of that file, or report this as a bug with the text above.',
    error,
  );
}
