/** The connection of the auth server: login `supabase_auth_admin`, who owns the schema `auth`. */
import pg from 'pg';

export type Database = pg.Pool | pg.PoolClient;

const TIMESTAMPTZ = 1184;

/** `2026-01-31 10:00:00.123456+00` → `2026-01-31T10:00:00.123456Z`; a JavaScript Date would lose the microseconds. */
function rfc3339(text: string): string {
  return text.replace(' ', 'T').replace(/\+00$/, 'Z');
}

const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): unknown {
    if (oid === TIMESTAMPTZ && format !== 'binary') return rfc3339;
    return pg.types.getTypeParser(oid, format as 'text');
  },
} as pg.CustomTypesConfig;

/** A pool of at most 5 connections: connect 5 s, statement 8 s, lock 5 s. Idle errors go to `log`, not up. */
export function openDatabase(database_url: string, log: (line: Record<string, unknown>) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: database_url,
    max: 5,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
    idleTimeoutMillis: 30_000,
    application_name: 'control-room-auth',
    options: '-c TimeZone=UTC -c search_path= -c statement_timeout=8000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=15000',
    types,
  });
  pool.on('error', (error) => log({ level: 'warn', event: 'auth_database_idle_error', message: error.message }));
  return pool;
}

/** Runs `work` in one transaction: commits what it returns, rolls back when it throws. */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (thrown) {
    await client.query('rollback').catch((error: Error) => {
      // The connection is gone, and the transaction with it; the pool must not hand it out again.
      broken = error;
    });
    throw thrown;
  } finally {
    client.release(broken);
  }
}
